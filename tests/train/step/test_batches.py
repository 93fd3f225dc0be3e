"""A batch has its texts once, knows every grade, and takes no wanted document for a negative."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.core.encoder.fixture_encoders import encoder, skip_without_mlx
from tests.train.training_examples import example_config, example_set
from train.dataset.records import TrainingPair

skip_without_mlx()

from train.step.batches import BatchBuilder, TrainingBatch  # noqa: E402

SET = example_set()
TOKENIZER = encoder("pylate").tokenizer


def builder(streams: int = 2, **changes: Any) -> BatchBuilder:
    return BatchBuilder(SET, TOKENIZER, example_config(**changes), streams)


def rows_of(batch: TrainingBatch, *, queries: bool) -> list[tuple[int, ...]]:
    """Return the token ids of each row, without padding; empty where there is no text."""
    groups = batch.queries if queries else batch.documents
    found = []
    for group in groups:
        for tokens, kept in zip(group.tokens, group.kept, strict=True):
            ids = batch.vocabulary[tokens].tolist()
            found.append(tuple(ids[: int(np.flatnonzero(kept)[-1]) + 1]) if kept.any() else ())
    return found


def place_of(batch: TrainingBatch, text: str, *, query: bool) -> int:
    make = TOKENIZER.queries if query else TOKENIZER.documents
    wanted = make([text])[0]
    return rows_of(batch, queries=query).index(wanted.ids[: wanted.kept[-1] + 1])


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_each_text_is_there_once_with_what_is_known_of_it(groups: int) -> None:
    pairs = [8, 9, 10, 12, 13, 16, 17]
    batch = builder(groups).build(pairs, (0, 0))
    assert batch.pairs == len(pairs)
    assert len(batch.documents) <= groups
    for place in pairs:
        pair = SET.pairs[place]
        row = place_of(batch, SET.queries[pair.query].text, query=True)
        column = place_of(batch, SET.documents[pair.document].text, query=False)
        assert batch.graded[row, column]
        assert batch.grades[row, column] == pair.grade
        assert batch.weights[row, column] == pair.weight
    texts = [row for row in rows_of(batch, queries=False) if row]
    assert len(texts) == len(set(texts)) == len({SET.pairs[place].document for place in pairs})
    empty = [not row for row in rows_of(batch, queries=False)]
    assert not batch.graded[:, empty].any()
    assert not batch.negatives[:, empty].any()


def test_the_grades_of_pairs_that_the_sampler_put_elsewhere_are_known() -> None:
    batch = builder().build([8, 13], (0, 0))
    # Query 2 grades documents 2, 3, 5 and 7; the batch has the pairs (2, 2) and (3, 4).
    more = builder().build([8, 12], (0, 0))
    row = place_of(more, SET.queries[2].text, query=True)
    column = place_of(more, SET.documents[3].text, query=False)
    assert more.grades[row, column] == 4
    assert not more.negatives[row, column]
    row = place_of(batch, SET.queries[2].text, query=True)
    column = place_of(batch, SET.documents[4].text, query=False)
    assert not batch.graded[row, column]
    assert batch.negatives[row, column]


def test_a_low_graded_pair_is_a_hard_negative_and_a_doubtful_one_is_none() -> None:
    doubtful = tuple(replace(p, grade=3.2) if p.grade == 1 else p for p in SET.pairs)
    made = BatchBuilder(replace(SET, pairs=doubtful), TOKENIZER, example_config(), 1)
    batch = made.build([8, 9, 10, 11], (0, 0))
    row = place_of(batch, SET.queries[2].text, query=True)
    negatives = {
        SET.pairs[place].grade: bool(
            batch.negatives[
                row, place_of(batch, SET.documents[SET.pairs[place].document].text, query=False)
            ]
        )
        for place in (8, 9, 10, 11)
    }
    assert negatives == {5: False, 4: False, 2: True, 1: False}


def test_another_part_of_a_good_path_is_no_negative() -> None:
    documents = (*SET.documents, replace(SET.documents[2], text="fn other() {}"))
    pairs = (*SET.pairs, TrainingPair(4, 8, 1.0, 1.0, SET.pairs[0].source))
    made = BatchBuilder(
        replace(SET, documents=documents, pairs=pairs), TOKENIZER, example_config(), 1
    )
    batch = made.build([8, 16, len(pairs) - 1], (0, 0))
    column = place_of(batch, "fn other() {}", query=False)
    assert not batch.negatives[place_of(batch, SET.queries[2].text, query=True), column]
    assert batch.negatives[place_of(batch, SET.queries[4].text, query=True), column]


def test_documents_of_the_pool_join_and_are_drawn_anew() -> None:
    made = builder(extra_documents=3)
    drawn = [frozenset(rows_of(made.build([8], (0, place)), queries=False)) for place in range(6)]
    assert all(len(rows - {()}) == 4 for rows in drawn)
    assert len(set(drawn)) > 1
    assert frozenset(rows_of(made.build([8], (0, 0)), queries=False)) == drawn[0]
    everything = builder(extra_documents=99).build([8], (0, 0))
    assert len({row for row in rows_of(everything, queries=False) if row}) == len(SET.documents)


def test_shapes_are_few_and_lots_of_one_shape() -> None:
    batch = builder().build(range(8, 24), (0, 0))
    longest = {
        max(len(text.ids) for text in TOKENIZER.queries([query.text for query in SET.queries])),
        max(builder().document_lengths),
    }
    for group in (*batch.queries, *batch.documents):
        assert group.tokens.shape[0] % 4 == 0
        assert group.tokens.shape[1] % 16 == 0 or group.tokens.shape[1] in longest
        assert group.seen.any(axis=1).all()
    for groups in (batch.queries, batch.documents):
        assert len(groups) == 2
        assert len({group.tokens.shape for group in groups}) == 1


def test_few_rows_are_filled_up() -> None:
    batch = builder().build(range(8, 24), (0, 0))
    for queries in (True, False):
        rows = rows_of(batch, queries=queries)
        assert len(rows) - len({row for row in rows if row}) < 2 * 4
    assert len(batch.vocabulary) % 512 == 0
    assert batch.vocabulary[: batch.tokens].tolist() == sorted(set(batch.vocabulary.tolist()))
    assert set(batch.vocabulary.tolist()) <= set(builder().token_ids.tolist())
