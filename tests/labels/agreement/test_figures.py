"""Every figure against another implementation on the same numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from core.errors import InputError
from labels.agreement import figures
from tests.reference_metrics import quadratic_kappa

if TYPE_CHECKING:
    from numpy.typing import NDArray

grades = st.integers(1, 5)
two_raters = st.lists(st.tuples(grades, grades), min_size=3, max_size=60).filter(
    lambda both: all(len({two[side] for two in both}) > 1 for side in (0, 1))
)


def table(
    first: list[int], second: list[int], weights: list[float] | None = None
) -> NDArray[np.float64]:
    counts = np.array(weights or [1.0] * len(first))
    return figures.tables_by_group(first, second, counts, np.zeros(len(first), dtype=np.int64))


@given(two_raters)
@settings(max_examples=60, deadline=None)
def test_figures_are_those_of_other_libraries(both: list[tuple[int, int]]) -> None:
    first, second = ([two[side] for two in both] for side in (0, 1))
    ours = table(first, second)
    kappa = quadratic_kappa(first, second)
    assert figures.quadratic_kappa(ours)[0] == pytest.approx(kappa)
    alpha = krippendorff.alpha(
        reliability_data=[first, second],
        value_domain=[1, 2, 3, 4, 5],
        level_of_measurement="ordinal",
    )
    assert figures.ordinal_alpha(ours)[0] == pytest.approx(alpha)
    assert figures.spearman(ours)[0] == pytest.approx(stats.spearmanr(first, second).statistic)
    apart = np.array(first) - np.array(second)
    assert figures.exact(ours)[0] == pytest.approx((apart == 0).mean())
    assert figures.within_one(ours)[0] == pytest.approx((abs(apart) <= 1).mean())
    assert figures.bias(ours)[0] == pytest.approx(apart.mean())
    assert figures.mean_distance(ours)[0] == pytest.approx(abs(apart).mean())


@given(two_raters, st.data())
@settings(max_examples=30, deadline=None)
def test_a_weight_of_n_is_the_label_n_times(
    both: list[tuple[int, int]], data: st.DataObject
) -> None:
    times = data.draw(st.lists(st.integers(1, 4), min_size=len(both), max_size=len(both)))
    first, second = ([two[side] for two in both] for side in (0, 1))
    weighted = table(first, second, [float(n) for n in times])
    repeated = table(
        [one for one, n in zip(first, times, strict=True) for _ in range(n)],
        [one for one, n in zip(second, times, strict=True) for _ in range(n)],
    )
    weighted_kappa = quadratic_kappa(first, second, times)
    assert figures.quadratic_kappa(weighted)[0] == pytest.approx(weighted_kappa)
    for figure in figures.FIGURES.values():
        assert figure(weighted)[0] == pytest.approx(figure(repeated)[0])


def test_what_is_not_defined_is_not_a_number() -> None:
    same = table([3, 3], [3, 3])
    assert np.isnan(figures.quadratic_kappa(same)[0])
    assert np.isnan(figures.ordinal_alpha(same)[0])
    assert np.isnan(figures.spearman(same)[0])
    assert np.isnan(figures.exact(np.zeros((1, 5, 5)))[0])


@pytest.mark.parametrize("wrong", [0, 6, -1])
def test_a_grade_off_the_scale_is_refused(wrong: int) -> None:
    with pytest.raises(InputError, match="is not a grade"):
        table([1, wrong], [1, 2])
