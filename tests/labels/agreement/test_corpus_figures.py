"""What all judged pairs are worth, against PPI++ written out and against a jackknife."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import optimize, stats

from labels.agreement.ppi import JudgedSums, LabelledValues, mean_estimate, powered_mean
from labels.trust import measure_agreement
from tests.labels.agreement.label_book import Book, opened_book
from tests.labels.calibration.judged_store import add_judged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    with opened_book(tmp_path) as book:
        yield book


def test_the_power_is_that_of_the_papers_formula() -> None:
    """Cov(Y, f) / ((1 + n / N) Var(f)), Angelopoulos, Duchi and Zrnic 2023.

    The judge says of the unlabelled pairs what it says of the labelled ones, eight times over, so
    that it is one variance, whichever sample it is taken from.
    """
    chance = np.random.default_rng(2)
    truth = chance.integers(1, 6, 50).astype(np.float64)
    said = np.clip(truth + chance.integers(-2, 3, 50), 1, 5).astype(np.float64)
    apart = np.tile(said, 8)
    labelled = LabelledValues(truth, said, np.ones(50), np.arange(50))
    judged = JudgedSums(np.concatenate([np.zeros(50), apart]), np.repeat([0.0, 1.0], [50, 400]))
    found = powered_mean(labelled, judged)
    power = np.cov(truth, said, ddof=0)[0, 1] / ((1 + 50 / 400) * said.var())
    assert 0 < power < 1
    assert found.power == pytest.approx(power)
    assert found.value == pytest.approx((truth - power * said).mean() + power * apart.mean())
    variance = (truth - power * said).var() / 50 + power**2 * apart.var() / 400
    assert found.standard_error == pytest.approx(np.sqrt(variance * 50 / 48))


@pytest.mark.parametrize("seed", range(4))
def test_no_other_power_has_a_smaller_error(seed: int) -> None:
    labelled, judged, _ = clustered(seed)
    found = powered_mean(labelled, judged)
    other = optimize.minimize_scalar(
        lambda power: powered_mean(labelled, judged, power).standard_error,
        bounds=(0, 1),
        method="bounded",
    )
    assert found.power == pytest.approx(other.x, abs=1e-3)
    fixed = powered_mean(labelled, judged, found.power)
    assert fixed.standard_error <= other.fun + 1e-9
    # What is learned from the labels costs one of their degrees of freedom.
    assert found.freedom == fixed.freedom - 1
    assert found.standard_error**2 * found.freedom == pytest.approx(
        fixed.standard_error**2 * fixed.freedom
    )


@pytest.mark.parametrize("each", [1, 4])
def test_labels_alone_give_the_t_interval_of_the_queries_means(each: int) -> None:
    chance = np.random.default_rng(6)
    truth = chance.integers(1, 6, (15, each)).astype(np.float64)
    labelled = LabelledValues(
        truth.ravel(), np.full(15 * each, 3.0), np.ones(15 * each), np.repeat(np.arange(15), each)
    )
    judged = JudgedSums(np.full(15, 3.0 * each), np.full(15, float(each)))
    found, _ = mean_estimate(labelled, judged, (-99, 99), power=0.0)
    other = stats.ttest_1samp(truth.mean(axis=1), 0).confidence_interval(0.95)
    assert found.low == pytest.approx(other.low)
    assert found.high == pytest.approx(other.high)


def test_the_error_over_queries_is_close_to_that_of_a_jackknife() -> None:
    labelled, judged, sizes = clustered(1)
    found = powered_mean(labelled, judged, 0.7)
    left_out = []
    for query in range(len(sizes)):
        kept = labelled.queries != query
        truth, said = labelled.truth[kept], labelled.predicted[kept]
        rest = np.delete(judged.predicted, query).sum() / np.delete(judged.counts, query).sum()
        left_out.append(truth.mean() - 0.7 * (said.mean() - rest))
    count = len(sizes)
    jackknife = np.sqrt((count - 1) / count * ((left_out - np.mean(left_out)) ** 2).sum())
    assert found.standard_error == pytest.approx(jackknife, rel=0.1)


def clustered(seed: int) -> tuple[LabelledValues, JudgedSums, NDArray[np.int64]]:
    """Return 40 queries of 3 to 8 judged pairs that are alike, each with labels on two."""
    chance = np.random.default_rng(seed)
    sizes = chance.integers(3, 9, 40)
    queries = np.repeat(np.arange(40), sizes)
    truth = np.clip(
        np.round(3 + chance.normal(0, 0.8, 40)[queries] + chance.normal(size=len(queries))), 1, 5
    )
    said = np.clip(truth + chance.integers(-1, 2, len(truth)), 1, 5)
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    chosen = np.sort(np.concatenate([first, first + 1]))
    labelled = LabelledValues(truth[chosen], said[chosen], np.ones(80), queries[chosen])
    sums = np.bincount(queries, said).astype(np.float64)
    return labelled, JudgedSums(sums, sizes.astype(np.float64)), sizes


def test_the_figures_of_a_store_are_ppi_of_its_pairs(book: Book) -> None:
    chance = np.random.default_rng(9)
    scores = chance.integers(1, 6, 90)
    grades = np.clip(scores[:60] + chance.integers(-1, 2, 60), 1, 5)
    pairs = add_judged(book.store, scores.tolist(), per_query=1)
    for pair, grade in zip(pairs, grades, strict=False):
        book.label_pair(pair, int(grade))
    book.write()
    (judge,) = measure_agreement(book.store).judges
    assert judge.corpus is not None
    assert judge.corpus.pairs == 90
    good = scores[:60] >= 4
    for figure, truth, said, every in (
        (judge.corpus.mean_grade, grades, scores[:60], scores),
        (judge.corpus.share_good, grades >= 4, scores[:60] >= 4, scores >= 4),
        (judge.corpus.precision_good, (grades >= 4)[good], np.ones(good.sum()), np.ones(1)),
    ):
        assert figure.labels_only.value == pytest.approx(truth.mean())
        assert figure.power is not None
        powered = truth.mean() - figure.power * (said.mean() - every.mean())
        assert figure.powered.value == pytest.approx(powered)
        other = stats.ttest_1samp(truth.astype(float), 0).confidence_interval(0.95)
        assert figure.labels_only.low == pytest.approx(max(0, other.low))
    # With bare scores the judge calls every 4 and 5 good: it cannot tell its own hits from misses.
    assert judge.corpus.precision_good.power == 0
    assert judge.corpus.mean_grade.power is not None
    assert judge.corpus.mean_grade.power > 0.3
