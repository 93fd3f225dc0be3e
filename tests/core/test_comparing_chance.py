from __future__ import annotations

import numpy as np
import pytest

from core.stats import EXACT_LIMIT, paired_randomisation


@pytest.mark.parametrize("seed", range(4))
def test_few_differences_are_tested_exactly_as_scipy_does(seed: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    values = np.random.default_rng(seed).choice([-1.0, -0.5, 0.0, 0.25, 1.0], 9)
    expected = stats.permutation_test(
        (values,), np.mean, permutation_type="samples", vectorized=True, n_resamples=np.inf
    ).pvalue
    assert paired_randomisation(list(values)) == pytest.approx(expected)


def test_many_differences_are_drawn_and_agree_with_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    values = np.random.default_rng(5).normal(0.15, 1, 150)
    expected = stats.permutation_test(
        (values,), np.mean, permutation_type="samples", vectorized=True, n_resamples=20_000, rng=1
    ).pvalue
    assert paired_randomisation(list(values)) == pytest.approx(expected, abs=0.015)


def test_drawn_and_exact_agree_where_both_can_be_had() -> None:
    values = list(np.random.default_rng(2).normal(0.4, 1, EXACT_LIMIT))
    drawn = paired_randomisation([*values, 1e-12])
    assert drawn == pytest.approx(paired_randomisation(values), abs=0.01)


def test_no_difference_is_no_evidence() -> None:
    assert paired_randomisation([0.0, 0.0]) == 1.0
    assert paired_randomisation([]) == 1.0
    assert paired_randomisation([1.0, -1.0]) == 1.0


def test_three_wins_in_a_row_are_one_chance_in_four() -> None:
    assert paired_randomisation([1.0, 1.0, 1.0]) == 0.25
