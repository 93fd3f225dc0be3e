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
from core.records import Estimate
from labels.agreement import figures
from labels.agreement.figures import FIGURES, agreement_figures, tables_by_group
from labels.agreement.judges import stop_advice
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


def test_labels_under_one_query_count_as_less_than_as_many_queries() -> None:
    chance = np.random.default_rng(1)
    bias = chance.integers(-1, 2, 20).repeat(10)
    grades = chance.integers(2, 5, 200)
    one = np.ones(200)
    together = tables_by_group(grades + bias, grades, one, np.arange(200) // 10)
    apart = tables_by_group(grades + bias, grades, one, np.arange(200))
    wide, narrow = (
        agreement_figures(tables, "the judge", "people")["exact"] for tables in (together, apart)
    )
    assert wide.value == narrow.value
    assert width(wide) > 1.5 * width(narrow)


def test_the_interval_of_kappa_is_that_of_whole_queries_drawn_one_by_one() -> None:
    chance = np.random.default_rng(6)
    queries = np.repeat(np.arange(30), 4)
    grades = chance.integers(1, 6, 120)
    scores = np.clip(grades + chance.integers(-1, 2, 30)[queries], 1, 5)
    ours = agreement_figures(
        tables_by_group(scores, grades, np.ones(120), queries), "the judge", "people"
    )["qwk"]
    drawn = []
    for _ in range(800):
        places = np.concatenate([np.flatnonzero(queries == q) for q in chance.integers(0, 30, 30)])
        drawn.append(quadratic_kappa(scores[places], grades[places]))
    # Hesterberg's wider percentiles: those of a t distribution, by sqrt(n / (n - 1)) further out.
    tail = stats.norm.cdf(stats.t.ppf(0.025, 29) * np.sqrt(30 / 29))
    low, high = np.quantile(drawn, [tail, 1 - tail])
    assert ours.value == pytest.approx(quadratic_kappa(scores, grades))
    assert ours.low == pytest.approx(low, abs=0.12 * (high - low))
    assert ours.high == pytest.approx(high, abs=0.12 * (high - low))


def test_a_judge_without_a_miss_is_not_certain_to_have_none() -> None:
    grades = np.tile([1, 2, 3, 4, 5], 4)
    tables = tables_by_group(grades, grades, np.ones(20), np.arange(20))
    found = agreement_figures(tables, "the judge", "people")
    upper = stats.beta.ppf(0.025, 20, 1)  # Clopper and Pearson, 20 of 20
    assert found["exact"].low == found["within_one"].low == pytest.approx(upper)
    assert found["qwk"].value == 1
    assert found["qwk"].low is not None
    assert 0.5 < found["qwk"].low < 1
    assert (found["bias"].low, found["bias"].high) != (0, 0)


@pytest.mark.parametrize(
    ("scores", "grades", "queries", "reason"),
    [
        ([], [], [], "no labels"),
        ([3], [4], [0], "one label only"),
        ([3, 3, 3], [1, 3, 5], [0, 1, 2], "the judge gave every pair a 3"),
        ([1, 3, 5], [2, 2, 2], [0, 1, 2], "people gave every pair a 2"),
        ([1, 3, 5], [2, 2, 4], [0, 0, 0], "of one query"),
    ],
)
def test_a_figure_that_is_undefined_says_why(
    scores: list[int], grades: list[int], queries: list[int], reason: str
) -> None:
    tables = tables_by_group(scores, grades, np.ones(len(scores)), np.array(queries, dtype=int))
    found = agreement_figures(tables, "the judge", "people")
    assert set(found) == set(FIGURES)
    assert reason in found["qwk"].reason
    assert not found["qwk"].known


def test_advice_comes_from_the_width() -> None:
    assert stop_advice(Estimate(0.5, 0.4, 0.6), 100, 10_000).more_labels == 300
    assert stop_advice(Estimate(0.5, 0.46, 0.54), 100, 10_000).more_labels == 0
    assert "more than the 150 pairs" in stop_advice(Estimate(0.5, 0.4, 0.6), 100, 150).sentence
    assert stop_advice(Estimate(reason="no labels"), 0, 10).more_labels is None


def width(one: Estimate) -> float:
    assert one.low is not None
    assert one.high is not None
    return one.high - one.low
