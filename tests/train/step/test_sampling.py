"""Batches hold each training pair once an epoch, like with like, and others in the next epoch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.encoder.fixture_encoders import skip_without_mlx
from tests.train.training_examples import example_config, example_set
from train.dataset.records import GradeSource, Split, TrainingPair

skip_without_mlx()

from train.step.batches import Sampler  # noqa: E402

SET = example_set()
LENGTHS = [len(document.text) for document in SET.documents]


def plans(**changes: Any) -> list[tuple[tuple[int, ...], ...]]:
    sampler = Sampler(SET, LENGTHS, example_config(**changes))
    return [sampler.plan(epoch).batches for epoch in range(3)]


@given(
    seed=st.integers(0, 99),
    size=st.integers(2, 30),
    group=st.integers(1, 6),
    bucketing=st.booleans(),
)
def test_each_training_pair_comes_once_an_epoch(
    seed: int, size: int, group: int, bucketing: bool
) -> None:
    config = example_config(seed=seed, batch_size=size, group_size=group, bucketing=bucketing)
    sampler = Sampler(SET, LENGTHS, config)
    batches = sampler.plan(1).batches
    assert len(batches) == sampler.batches
    training = [
        place
        for place, pair in enumerate(SET.pairs)
        if SET.queries[pair.query].split is Split.TRAIN
    ]
    assert sorted(place for batch in batches for place in batch) == training
    assert all(len(batch) <= size for batch in batches)
    assert sampler.plan(1).batches == batches


@pytest.mark.parametrize("bucketing", [True, False])
def test_epochs_and_seeds_differ(bucketing: bool) -> None:
    first, second, third = plans(bucketing=bucketing)
    assert len({first, second, third}) == 3
    assert {frozenset(batch) for batch in first} != {frozenset(batch) for batch in second}
    assert plans(bucketing=bucketing, seed=8)[0] != first


def test_a_group_has_high_and_low_grades() -> None:
    pairs = tuple(
        TrainingPair(3, document, grade, 1.0, GradeSource.LABEL)
        for document, grade in enumerate([5.0, 1.0, 1.0, 5.0, 1.0, 1.0])
    )
    sampler = Sampler(
        replace(SET, pairs=pairs), LENGTHS, example_config(batch_size=3, group_size=3)
    )
    for epoch in range(5):
        for batch in sampler.plan(epoch).batches:
            assert sorted(pairs[place].grade for place in batch) == [1, 1, 5]


def test_texts_of_like_length_share_a_batch() -> None:
    def padding(bucketing: bool) -> int:
        lengths = [1 + 40 * (place % 8) for place in range(8)]
        config = example_config(batch_size=4, group_size=1, bucketing=bucketing)
        sampler = Sampler(SET, lengths, config)
        total = 0
        for epoch in range(3):
            for batch in sampler.plan(epoch).batches:
                own = [lengths[SET.pairs[place].document] for place in batch]
                total += max(own) * len(own) - sum(own)
        return total

    assert padding(True) < 0.3 * padding(False)


def test_queries_that_want_one_document_share_its_batch() -> None:
    documents = 12
    template = SET.queries[0]
    queries = tuple(
        replace(template, id=UUID(int=place), text=f"query {place}", split=Split.TRAIN)
        for place in range(4 * documents)
    )
    pairs = tuple(
        TrainingPair(place, place % documents, 5.0, 1.0, GradeSource.JUDGE)
        for place in range(len(queries))
    )
    many = replace(SET, queries=queries, documents=SET.documents[:1] * documents, pairs=pairs)
    sampler = Sampler(many, [60] * documents, example_config(batch_size=8, bucketing=True))
    plan = sampler.plan(0)
    wanted = [{pairs[place].document for place in batch} for batch in plan.batches]
    assert [len(each) for each in wanted] == [2] * 6
    assert plan != sampler.plan(1)


@given(seed=st.integers(0, 99), most=st.integers(1, 4))
def test_a_query_brings_its_best_pair_and_no_more_than_it_may(seed: int, most: int) -> None:
    sampler = Sampler(SET, LENGTHS, example_config(seed=seed, pairs_per_query=most, batch_size=5))
    seen: set[int] = set()
    for epoch in range(3):
        plan = sampler.plan(epoch)
        places = [place for batch in plan.batches for place in batch]
        assert len(places) == len(set(places)) == sampler.pairs
        assert len(plan.batches) == sampler.batches
        seen.update(places)
        by_query: dict[int, list[float]] = {}
        for place in places:
            by_query.setdefault(SET.pairs[place].query, []).append(SET.pairs[place].grade)
        for query, grades in by_query.items():
            known = [pair.grade for pair in SET.pairs if pair.query == query]
            assert len(grades) == min(most, len(known))
            assert max(grades) == max(known)
    if most == 1:
        assert sampler.pairs == sampler.queries <= len(seen)
