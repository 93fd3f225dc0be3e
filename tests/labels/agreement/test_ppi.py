"""PPI++ against ppi-python, and against what its interval promises.

ppi-python brings numba, pandas and statsmodels, too much to install for one test. The numbers here
were computed by its version 0.2.3.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from labels.agreement.ppi import JudgedSums, LabelledValues, mean_estimate, powered_mean


def one_to_a_query(seed: int) -> tuple[LabelledValues, JudgedSums]:
    """Return 40 labels and 400 judged pairs without one, each under a query of its own."""
    chance = np.random.default_rng(seed)
    truth = chance.integers(1, 6, 440).astype(np.float64)
    predicted = np.clip(truth + chance.integers(-1, 2, 440), 1, 5)
    labelled = LabelledValues(truth[:40], predicted[:40], np.ones(40), np.arange(40))
    judged = JudgedSums(
        np.concatenate([np.zeros(40), predicted[40:]]), np.repeat([0.0, 1.0], [40, 400])
    )
    return labelled, judged


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_the_mean_and_its_error_are_those_of_the_paper(power: float) -> None:
    labelled, judged = one_to_a_query(1)
    mean = powered_mean(labelled, judged, power)
    unlabelled = judged.predicted[40:]
    value = (labelled.truth - power * labelled.predicted).mean() + power * unlabelled.mean()
    variance = (labelled.truth - power * labelled.predicted).var() / 40
    variance += power**2 * unlabelled.var() / 400
    assert mean.value == pytest.approx(value)
    assert mean.standard_error == pytest.approx(np.sqrt(variance * 40 / 39))


#: power: the ends of ``ppi_mean_ci(..., alpha=0.05, lam=power)``.
GOLDEN = {
    0.0: (2.5840761630354208, 3.465923836964579),
    0.5: (2.7028673133659833, 3.2721326866340164),
    1.0: (2.682068550349681, 3.2179314496503193),
}
#: What ``ppi_mean_pointestimate(..., lam=None)`` tunes to.
GOLDEN_POWER = np.float64(0.7823657857381072)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_the_interval_is_that_of_ppi_python(power: float) -> None:
    labelled, judged = one_to_a_query(1)
    mean = powered_mean(labelled, judged, power)
    low, high = GOLDEN[power]
    assert mean.value == pytest.approx((low + high) / 2)
    # Its variances divide by n, ours by n - 1.
    width = 2 * 1.959963984540054 * mean.standard_error * np.sqrt(39 / 40)
    assert width == pytest.approx(high - low)


def test_lambda_is_that_of_ppi_python() -> None:
    assert powered_mean(*one_to_a_query(1)).power == pytest.approx(GOLDEN_POWER, abs=0.03)


def test_a_judge_that_knows_nothing_gets_no_power_and_does_no_harm() -> None:
    chance = np.random.default_rng(3)
    truth = chance.integers(1, 6, 200).astype(np.float64)
    same = LabelledValues(truth, np.full(200, 3.0), np.ones(200), np.arange(200))
    judged = JudgedSums(np.full(1000, 3.0), np.ones(1000))
    mean = powered_mean(same, judged)
    assert mean.power == 0
    assert mean.value == pytest.approx(truth.mean())


def test_intervals_hold_the_truth_and_are_narrower_than_those_of_labels_alone() -> None:
    held = {"powered": 0, "labels": 0}
    widths = {"powered": 0.0, "labels": 0.0}
    for seed in range(150):
        chance = np.random.default_rng(seed)
        difficulty = chance.normal(0, 0.6, 200)[:, None]
        truth = np.clip(np.round(3 + difficulty + chance.normal(0, 1, (200, 5))), 1, 5)
        predicted = np.clip(truth + chance.integers(0, 2, (200, 5)), 1, 5)
        chosen = np.zeros((200, 5), dtype=bool)
        chosen[:30, :2] = True
        labelled = LabelledValues(
            truth[chosen], predicted[chosen], np.ones(60), np.repeat(np.arange(30), 2)
        )
        judged = JudgedSums(predicted.sum(axis=1), np.full(200, 5.0))
        for name, power in (("powered", None), ("labels", 0.0)):
            figure, _ = mean_estimate(labelled, judged, (1, 5), power)
            assert figure.low is not None
            assert figure.high is not None
            held[name] += figure.low <= 2.995 <= figure.high
            widths[name] += figure.high - figure.low
    assert min(held.values()) >= 0.89 * 150
    assert widths["powered"] < 0.75 * widths["labels"]


def test_a_learned_lambda_costs_a_degree_of_freedom_as_a_slope_does() -> None:
    # Where the mean of all judgments is known for sure, PPI++ is the regression estimator, and its
    # residuals' spread is that of an ordinary least-squares line: by n - 2, not n - 1.
    labelled, judged = one_to_a_query(1)
    known = JudgedSums(judged.counts * labelled.predicted.mean(), judged.counts)
    mean = powered_mean(labelled, known)
    line = stats.linregress(labelled.predicted, labelled.truth)
    assert mean.power == pytest.approx(line.slope)
    off = labelled.truth - line.intercept - line.slope * labelled.predicted
    assert mean.freedom == 38
    assert mean.standard_error == pytest.approx(np.sqrt((off**2).sum() / 38 / 40), rel=1e-6)


def test_few_queries_hold_the_truth_as_often_as_is_promised() -> None:
    held = 0
    for seed in range(400):
        chance = np.random.default_rng(seed)
        truth = chance.normal(3, 1, 506)
        predicted = truth + chance.normal(0, 0.7, 506)
        labelled = LabelledValues(truth[:6], predicted[:6], np.ones(6), np.arange(6))
        judged = JudgedSums(predicted, np.ones(506))
        figure, _ = mean_estimate(labelled, judged, (-9, 9))
        assert figure.low is not None
        assert figure.high is not None
        held += figure.low <= 3 <= figure.high
    assert held / 400 > 0.92  # 0.90 as long as lambda came for nothing


def test_labels_of_four_queries_stand_alone() -> None:
    labelled, judged = one_to_a_query(1)
    few = LabelledValues(
        labelled.truth[:4], labelled.predicted[:4], labelled.weights[:4], labelled.queries[:4]
    )
    assert mean_estimate(few, judged, (1, 5)) == mean_estimate(few, judged, (1, 5), power=0.0)


def test_labels_that_do_not_vary_leave_room_for_what_nobody_saw() -> None:
    equal = LabelledValues(np.ones(5), np.linspace(0, 1, 5), np.ones(5), np.arange(5))
    figure, power = mean_estimate(equal, JudgedSums(np.ones(9), np.ones(9)), (0, 1))
    assert (figure.value, figure.high, power) == (1, 1, 0)
    assert figure.low == pytest.approx(stats.beta.ppf(0.025, 5, 1))


def test_labels_of_one_query_give_a_reason() -> None:
    values = LabelledValues(np.arange(5.0), np.arange(5.0), np.ones(5), np.zeros(5, dtype=int))
    figure, power = mean_estimate(values, JudgedSums(np.ones(9), np.ones(9)), (0, 5))
    assert (figure.value, power) == (None, None)
    assert "two queries" in figure.reason
