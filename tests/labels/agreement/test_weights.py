"""Label weights against all orders of draws, by simulation, and by hand."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
import pytest

from core.ids import event_id, utc_now
from labels.agreement.figures import quadratic_kappa, tables_by_group
from labels.agreement.labelled import LabelledGrade
from labels.agreement.weights import (
    Pool,
    can_be_weighted,
    effective_number,
    label_weights,
    sequential_weights,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

JUDGE = UUID(int=9)


def label(
    pair: int,
    grade: int,
    *,
    chance: float | None = None,
    strategy: str | None = None,
    score: int = 3,
    minutes: int = 0,
) -> LabelledGrade:
    drawn = utc_now() + timedelta(minutes=minutes)
    return LabelledGrade(
        event=event_id(),
        happened=drawn,
        pair=UUID(int=pair),
        query=UUID(int=pair),
        annotator="ada",
        grade=grade,
        hidden=False,
        strategy=strategy,
        chance=chance,
        drawn=drawn,
        judgment_id=None,
        seen=(JUDGE, score),
    )


def race(sizes: Sequence[float], draws: int, seed: int) -> list[tuple[int, float]]:
    """Draw without replacement, chances by size; return pairs with the chances of their draws."""
    chance = np.random.default_rng(seed)
    order = np.argsort(chance.exponential(size=len(sizes)) / np.asarray(sizes))[:draws]
    left, drawn = float(np.sum(sizes)), []
    for pair in order:
        drawn.append((int(pair), min(1.0, sizes[pair] / left)))
        left -= sizes[pair]
    return drawn


@pytest.mark.parametrize("draws", [1, 2, 3, 4])
def test_over_every_order_of_draws_the_mean_is_right_on_average(draws: int) -> None:
    sizes = {1: 0.5, 2: 3.0, 3: 1.0, 4: 2.5}
    grades = {1: 5, 2: 1, 3: 4, 4: 2}
    mean = 0.0
    for order in permutations(sizes, draws):
        left, likelihood, labels = sum(sizes.values()), 1.0, []
        for minutes, pair in enumerate(order):
            chance = sizes[pair] / left
            labels.append(label(pair, grades[pair], chance=chance, minutes=minutes))
            left -= sizes[pair]
            likelihood *= chance
        weighted = sequential_weights(labels, 4) @ np.array([one.grade for one in labels])
        mean += likelihood * float(weighted) / draws
    assert mean == pytest.approx(np.mean(list(grades.values())))


def test_weights_are_lures() -> None:
    """The formula of Farquhar, Gal and Rainforth (ICLR 2021), draw by draw."""
    pairs, draws = 40, 25
    drawn = race(np.random.default_rng(1).uniform(0.2, 5, pairs).tolist(), draws, 2)
    labels = [label(p, 3, chance=q, minutes=n) for n, (p, q) in enumerate(drawn)]
    expected = [
        1 + (pairs - draws) / (pairs - m) * (1 / ((pairs - m + 1) * q) - 1)
        for m, (_, q) in enumerate(drawn, start=1)
    ]
    assert sequential_weights(labels, pairs) == pytest.approx(expected)
    scaled = label_weights(labels, Pool(pairs))
    assert scaled == pytest.approx(np.array(expected) / np.mean(expected))


def test_even_draws_count_alike() -> None:
    labels = [label(m, 3, chance=1 / (60 - m), minutes=m) for m in range(20)]
    assert label_weights(labels, Pool(60)) == pytest.approx(np.ones(20))


@pytest.mark.parametrize("strategy", ["mixed", "stratified"])
def test_with_every_pair_labelled_kappa_does_not_depend_on_the_order(strategy: str) -> None:
    """150 of 150 pairs; a third of them came by another queue in the second case."""
    chance = np.random.default_rng(7)
    scores = chance.integers(1, 6, 150)
    grades = np.clip(scores + chance.integers(-2, 3, 150), 1, 5)
    sizes = (0.2 + (5 - scores) ** 2.0).tolist()
    plain = kappa(scores, grades, np.ones(150))
    for seed in range(5):
        drawn = race(sizes, 150, seed)
        labels = [
            label(
                pair,
                int(grades[pair]),
                score=int(scores[pair]),
                chance=q if strategy == "mixed" or n >= 50 else None,
                strategy="mixed" if n >= 50 else strategy,
                minutes=n,
            )
            for n, (pair, q) in enumerate(drawn)
        ]
        weights = label_weights(labels, Pool(150, {(JUDGE, s): 30 for s in range(1, 6)}))
        order = [pair for pair, _ in drawn]
        assert kappa(scores[order], grades[order], weights) == pytest.approx(plain)


def test_with_most_pairs_labelled_the_mean_is_close_to_that_of_all() -> None:
    """R_PURE weights, which ignore the size of the pool, miss by four times more."""
    chance = np.random.default_rng(3)
    grades = chance.integers(1, 6, 150)
    sizes = (0.2 + (5 - grades) ** 2.0).tolist()
    off = {"lure": 0.0, "pure": 0.0}
    for seed in range(40):
        drawn = race(sizes, 135, seed)
        own = grades[[pair for pair, _ in drawn]]
        labels = [label(p, 3, chance=q, minutes=n) for n, (p, q) in enumerate(drawn)]
        pure = np.array([1 / q + 135 - m for m, (_, q) in enumerate(drawn, start=1)])
        lure = label_weights(labels, Pool(150))
        off["lure"] += abs(np.average(own, weights=lure) - grades.mean())
        off["pure"] += abs(np.average(own, weights=pure) - grades.mean())
    assert off["lure"] < off["pure"] / 4


def test_a_label_that_was_picked_on_purpose_has_no_weight_and_leaves_the_pool() -> None:
    labels = [
        label(0, 3, strategy="miss"),
        label(1, 3, chance=0.5, strategy="mixed", minutes=1),
        label(2, 4, chance=0.3, strategy="mixed", minutes=2),
    ]
    assert [can_be_weighted(one) for one in labels] == [False, True, True]
    weights = label_weights(labels, Pool(10))
    assert weights[0] == 0
    assert weights.sum() == pytest.approx(2)
    # Nine pairs were left before the first draw with a chance, seven after the second.
    assert weights[1] / weights[2] == pytest.approx(
        (1 + 7 / 8 * (1 / (9 * 0.5) - 1)) / (1 / (8 * 0.3))
    )


def kappa(
    scores: NDArray[np.int64], grades: NDArray[np.int64], weights: NDArray[np.float64]
) -> float:
    groups = np.zeros(len(scores), dtype=np.int64)
    return float(quadratic_kappa(tables_by_group(scores, grades, weights, groups))[0])


def test_strata_count_by_their_size() -> None:
    sizes = {(JUDGE, 1): 30, (JUDGE, 5): 10}
    low = [label(n, grade, strategy="stratified", score=1) for n, grade in enumerate((1, 2))]
    high = [
        label(10 + n, grade, strategy="stratified", score=5) for n, grade in enumerate((5, 4, 3, 5))
    ]
    weights = label_weights(low + high, Pool(strata=sizes))
    grades = [one.grade for one in low + high]
    by_hand = (30 * np.mean([1, 2]) + 10 * np.mean([5, 4, 3, 5])) / 40
    assert np.average(grades, weights=weights) == pytest.approx(by_hand)
    assert weights.mean() == pytest.approx(1)


def test_the_effective_number_makes_the_variance_of_a_weighted_mean() -> None:
    chance = np.random.default_rng(0)
    weights = chance.uniform(0.1, 4, 30)
    means = chance.normal(0, 1, (20_000, 30)) @ weights / weights.sum()
    assert 1 / means.var() == pytest.approx(effective_number(weights), rel=0.05)
    assert effective_number(np.ones(7)) == 7
