from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from core.records import Estimate
from core.stats import estimate, largest_unseen_share, resampled_sums
from labels.agreement.figures import FIGURES, agreement_figures, tables_by_group
from labels.agreement.judges import stop_advice
from tests.reference_metrics import quadratic_kappa


def mean_of(
    sums: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.asarray(sums[:, 0] / sums[:, 1])


def test_the_interval_is_close_to_scipys_over_many_queries() -> None:
    values = np.random.default_rng(3).beta(2, 1, 200)
    sums = np.column_stack([values, np.ones(200)])
    ours = estimate(mean_of, sums, resampled_sums(sums))
    other = stats.bootstrap(
        (values,), np.mean, n_resamples=9999, method="percentile", rng=1
    ).confidence_interval
    assert ours.value == pytest.approx(values.mean())
    width = other.high - other.low
    assert ours.low == pytest.approx(other.low, abs=0.08 * width)
    assert ours.high == pytest.approx(other.high, abs=0.08 * width)


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


@pytest.mark.parametrize("queries", [2, 7, 60])
def test_what_nobody_saw_can_be_as_large_as_clopper_and_pearson_say(queries: int) -> None:
    low = stats.binomtest(queries, queries).proportion_ci(0.95, method="exact").low
    assert largest_unseen_share(queries) == pytest.approx(1 - low)


def test_intervals_over_few_queries_hold_the_truth() -> None:
    held = 0
    for seed in range(150):
        chance = np.random.default_rng(seed)
        share = chance.beta(4, 2, 12)
        hits = chance.binomial(6, share).astype(np.float64)
        sums = np.column_stack([hits, np.full(12, 6.0)])
        ours = estimate(mean_of, sums, resampled_sums(sums, resamples=500))
        assert ours.low is not None
        assert ours.high is not None
        held += ours.low <= 2 / 3 <= ours.high
    assert held >= 0.89 * 150


def test_the_same_labels_give_the_same_interval() -> None:
    sums = np.random.default_rng(0).random((30, 3))
    assert (resampled_sums(sums) == resampled_sums(sums.copy())).all()


def test_a_judge_without_a_miss_is_not_certain_to_have_none() -> None:
    grades = np.tile([1, 2, 3, 4, 5], 4)
    tables = tables_by_group(grades, grades, np.ones(20), np.arange(20))
    figures = agreement_figures(tables, "the judge", "people")
    upper = stats.beta.ppf(0.025, 20, 1)  # Clopper and Pearson, 20 of 20
    assert figures["exact"].low == pytest.approx(upper)
    assert figures["qwk"].value == 1
    assert figures["qwk"].low is not None
    assert 0.5 < figures["qwk"].low < 1
    assert (figures["bias"].low, figures["bias"].high) != (0, 0)


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
def test_what_cannot_be_told_says_why(
    scores: list[int], grades: list[int], queries: list[int], reason: str
) -> None:
    tables = tables_by_group(scores, grades, np.ones(len(scores)), np.array(queries, dtype=int))
    figures = agreement_figures(tables, "the judge", "people")
    assert set(figures) == set(FIGURES)
    assert reason in figures["qwk"].reason
    assert not figures["qwk"].known


def test_advice_comes_from_the_width() -> None:
    assert stop_advice(Estimate(0.5, 0.4, 0.6), 100, 10_000).more_labels == 300
    assert stop_advice(Estimate(0.5, 0.46, 0.54), 100, 10_000).more_labels == 0
    assert "more than the 150 pairs" in stop_advice(Estimate(0.5, 0.4, 0.6), 100, 150).sentence
    assert stop_advice(Estimate(reason="no labels"), 0, 10).more_labels is None


def width(one: Estimate) -> float:
    assert one.low is not None
    assert one.high is not None
    return one.high - one.low
