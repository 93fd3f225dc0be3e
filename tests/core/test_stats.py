"""Bootstrap intervals and the randomisation test, against scipy and by simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from core.stats import (
    EXACT_LIMIT,
    bootstrap_estimate,
    bootstrap_means,
    bootstrap_totals,
    paired_randomisation,
    unseen_interval,
    unseen_share,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.records import Estimate


def mean_of(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(sums[:, 0] / sums[:, 1])


def ends(estimate: Estimate) -> tuple[float, float]:
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low, estimate.high


def test_intervals_over_many_queries_are_close_to_scipys() -> None:
    values = np.random.default_rng(3).beta(2, 1, (200, 2))
    sums = np.column_stack([values[:, 0], np.ones(200)])
    ratio = bootstrap_estimate(mean_of, sums, bootstrap_totals(sums))
    means = bootstrap_means(values, (0, 1))
    assert ratio == means[0]
    for column, ours in enumerate(means):
        other = stats.bootstrap(
            (values[:, column],), np.mean, n_resamples=9999, method="percentile", rng=1
        ).confidence_interval
        assert ours.value == pytest.approx(values[:, column].mean())
        width = other.high - other.low
        assert ends(ours) == pytest.approx((other.low, other.high), abs=0.08 * width)


def test_intervals_over_few_queries_hold_the_truth() -> None:
    held = 0
    for seed in range(150):
        chance = np.random.default_rng(seed)
        share = chance.beta(4, 2, 12)
        hits = chance.binomial(6, share).astype(np.float64)
        sums = np.column_stack([hits, np.full(12, 6.0)])
        low, high = ends(bootstrap_estimate(mean_of, sums, bootstrap_totals(sums, resamples=500)))
        held += low <= 2 / 3 <= high
    assert held >= 0.89 * 150


def test_means_hold_the_truth_about_19_times_in_20() -> None:
    chance = np.random.default_rng(11)
    held = 0
    for _ in range(200):
        (estimate,) = bootstrap_means((chance.random((60, 1)) < 0.7).astype(float), (0, 1))
        low, high = ends(estimate)
        held += low <= 0.7 <= high
    assert 0.88 <= held / 200 <= 0.99


def test_the_same_sums_give_the_same_totals() -> None:
    sums = np.random.default_rng(0).random((30, 3))
    assert (bootstrap_totals(sums) == bootstrap_totals(sums.copy())).all()
    assert (bootstrap_totals(sums) != bootstrap_totals(sums, seed=9)).any()


@pytest.mark.parametrize("queries", [1, 2, 7, 60])
def test_hits_without_a_miss_have_the_interval_of_clopper_and_pearson(queries: int) -> None:
    other = stats.binomtest(queries, queries).proportion_ci(0.95, method="exact")
    (hits,) = bootstrap_means(np.ones((queries, 1)), (0, 1))
    assert ends(hits) == pytest.approx((other.low, 1))
    (misses,) = bootstrap_means(np.zeros((queries, 1)), (0, 1))
    assert ends(misses) == pytest.approx((0, 1 - other.low))
    assert unseen_share(queries) == pytest.approx(1 - other.low)


@given(st.floats(-4, 4), st.integers(1, 200))
def test_what_nobody_saw_stays_within_the_bounds(value: float, queries: int) -> None:
    low, high = ends(unseen_interval(value, (-4, 4), queries))
    assert -4 - 1e-9 <= low <= value + 1e-9
    assert value - 1e-9 <= high <= 4 + 1e-9


def test_without_bounds_equal_resamples_give_no_interval() -> None:
    sums = np.ones((5, 2))
    estimate = bootstrap_estimate(mean_of, sums, bootstrap_totals(sums))
    assert (estimate.value, estimate.low) == (1, None)
    assert "every resample gives the same" in estimate.reason


@pytest.mark.parametrize("seed", range(4))
def test_few_differences_are_tested_exactly_as_scipy_does(seed: int) -> None:
    values = np.random.default_rng(seed).choice([-1.0, -0.5, 0.0, 0.25, 1.0], 9)
    expected = stats.permutation_test(
        (values,), np.mean, permutation_type="samples", vectorized=True, n_resamples=np.inf
    ).pvalue
    assert paired_randomisation(list(values)) == pytest.approx(expected)


def test_many_differences_are_sampled_and_agree_with_scipy() -> None:
    values = np.random.default_rng(5).normal(0.15, 1, 150)
    expected = stats.permutation_test(
        (values,), np.mean, permutation_type="samples", vectorized=True, n_resamples=20_000, rng=1
    ).pvalue
    assert paired_randomisation(list(values)) == pytest.approx(expected, abs=0.015)


def test_sampled_and_exact_p_values_agree_at_the_limit() -> None:
    values = list(np.random.default_rng(2).normal(0.4, 1, EXACT_LIMIT))
    sampled = paired_randomisation([*values, 1e-12])
    assert sampled == pytest.approx(paired_randomisation(values), abs=0.01)


@pytest.mark.parametrize(
    ("differences", "p_value"),
    [([0.0, 0.0], 1.0), ([], 1.0), ([1.0, -1.0], 1.0), ([1.0, 1.0, 1.0], 0.25)],
)
def test_p_values_worked_out_by_hand(differences: list[float], p_value: float) -> None:
    assert paired_randomisation(differences) == p_value
