"""nDCG over graded documents is that of the evals, and ties are never to an encoder's good."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.errors import CancelledError
from core.jobs import Job
from eval.metrics import query_metrics
from tests.core.encoder.fixture_encoders import encoder, skip_without_mlx
from tests.train.training_examples import example_set
from train.held_out import HeldOut, ndcg_of_scores

if TYPE_CHECKING:
    from random import Random

    from core.records import Progress

skip_without_mlx()


@given(st.lists(st.integers(1, 5), min_size=2, max_size=20), st.randoms())
def test_it_is_the_figure_of_the_evals(grades: list[int], random: Random) -> None:
    assume(max(grades) >= 4)  # the evals have no figures for a query that wants nothing
    scores = random.sample(range(len(grades)), len(grades))
    order = sorted(range(len(grades)), key=lambda place: -scores[place])
    ranks = [order.index(place) + 1 for place in range(len(grades))]
    assert ndcg_of_scores(grades, scores) == query_metrics(grades, ranks)["nDCG@10"]


def test_the_best_order_is_1_and_ties_are_ranked_the_worse_first() -> None:
    assert ndcg_of_scores([5, 3.5, 1], [0.9, 0.5, 0.1]) == 1
    worst = ndcg_of_scores([5, 3.5, 1], [0.1, 0.5, 0.9])
    assert ndcg_of_scores([5, 3.5, 1], [0.5, 0.5, 0.5]) == worst


def test_its_progress_counts_texts_and_it_can_be_cancelled() -> None:
    seen: list[Progress] = []
    held_out = HeldOut(example_set())
    value = held_out.mean_ndcg(encoder("sentence"), Job(seen.append))
    assert (seen[0].done, seen[-1].done, seen[-1].total) == (0, 9, 9)
    assert value == held_out.mean_ndcg(encoder("sentence"))
    with pytest.raises(CancelledError):
        held_out.mean_ndcg(encoder("sentence"), Job(cancelled=lambda: True))


def test_queries_that_say_nothing_are_left_out() -> None:
    held_out = HeldOut(example_set())
    assert (held_out.queries, held_out.usable) == (2, True)
    assert 0 < held_out.mean_ndcg(encoder("sentence")) <= 1
    assert not HeldOut(example_set(held_out=0)).usable
