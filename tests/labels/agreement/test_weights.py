"""Labels drawn unevenly, against what such draws are in full: every order, every total."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from uuid import UUID

import numpy as np
import pytest

from core.ids import event_id, utc_now
from labels.agreement.labelled import LabelledGrade, _sequential, effective_number, label_weights

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


@pytest.mark.parametrize("draws", [1, 2, 3])
def test_over_every_order_of_draws_the_total_is_right_on_average(draws: int) -> None:
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
        total = _sequential(labels) @ np.array([one.grade for one in labels]) / draws
        mean += likelihood * float(total)
    assert mean == pytest.approx(sum(grades.values()))


def test_strata_count_by_their_size() -> None:
    sizes = {(JUDGE, 1): 30, (JUDGE, 5): 10}
    low = [label(n, grade, strategy="stratified", score=1) for n, grade in enumerate((1, 2))]
    high = [
        label(10 + n, grade, strategy="stratified", score=5) for n, grade in enumerate((5, 4, 3, 5))
    ]
    weights = label_weights(low + high, sizes)
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
