"""nDCG over graded documents is that of the evals, and ties are never to an encoder's good."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics import query_metrics
from tests.core.encoder.fixture_encoders import encoder, skip_without_mlx
from tests.train.training_examples import example_set
from train.training import HeldOut, ndcg

if TYPE_CHECKING:
    from random import Random

skip_without_mlx()


@given(st.lists(st.integers(1, 5), min_size=2, max_size=20), st.randoms())
def test_it_is_the_figure_of_the_evals(grades: list[int], random: Random) -> None:
    scores = random.sample(range(len(grades)), len(grades))
    found = ndcg(grades, scores)
    if len(set(grades)) == 1:
        assert found is None
        return
    order = sorted(range(len(grades)), key=lambda place: -scores[place])
    ranks = [order.index(place) + 1 for place in range(len(grades))]
    # The evals have no figures for a query that wants nothing.
    if max(grades) >= 4:
        assert found == pytest.approx(query_metrics(grades, ranks)["nDCG@10"])
    assert found is not None
    assert 0 <= found <= 1


def test_the_best_order_is_1_and_ties_are_ranked_the_worse_first() -> None:
    assert ndcg([5, 3.5, 1], [0.9, 0.5, 0.1]) == 1
    worst = ndcg([5, 3.5, 1], [0.1, 0.5, 0.9])
    assert ndcg([5, 3.5, 1], [0.5, 0.5, 0.5]) == worst
    assert ndcg([], []) is None


def test_queries_that_say_nothing_are_left_out() -> None:
    held_out = HeldOut(example_set())
    assert (held_out.queries, held_out.usable) == (2, True)
    assert 0 < held_out.mean_ndcg(encoder("sentence")) <= 1
    assert not HeldOut(example_set(held_out=0)).usable
