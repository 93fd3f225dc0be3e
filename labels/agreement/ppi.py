"""PPI++: a mean from few labels and all judgments, with an interval that labels alone vouch for.

The judge's scores stand in for the missing labels, the labelled pairs tell how far off they are,
and the weight lambda given to the judge is the one with the narrowest interval (Angelopoulos,
Duchi and Zrnic, PPI++: Efficient Prediction-Powered Inference, 2023). With every pair under a
query of its own and equal weights this is their estimator; here queries are what was sampled, so
variances are sums over queries, and a query's labels and its judgments may go together.

A lambda learned from the same labels is the slope of a regression of what people say on what the
judge says, and costs a degree of freedom as one (Cochran, Sampling Techniques, 1977, section 7.4).
Without that, 95% intervals from five queries held the truth in 90 of 100 cases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from core.records import Estimate
from core.stats import LEVEL

if TYPE_CHECKING:
    from numpy.typing import NDArray


_FEWEST_QUERIES: Final = 2
#: With labels of fewer queries the degree of freedom costs more than the judge brings.
_FEWEST_TO_TUNE: Final = 5
#: A judge that says the same of every pair varies by rounding only.
_NOTHING: Final = 1e-24


@dataclass(frozen=True, slots=True)
class PoweredMean:
    """A mean, its standard error with its degrees of freedom, and the lambda it was taken with."""

    value: float
    standard_error: float
    freedom: int
    power: float


@dataclass(frozen=True, slots=True)
class LabelledValues:
    """The labelled sample, value by value.

    ``truth`` is what people say, ``predicted`` what the judge says of the same pairs, ``weights``
    1 / inclusion probability up to a factor, ``queries`` the number of each one's query.
    """

    truth: NDArray[np.float64]
    predicted: NDArray[np.float64]
    weights: NDArray[np.float64]
    queries: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class JudgedSums:
    """All judged pairs, summed by query; a query has the same number here and among the labels."""

    predicted: NDArray[np.float64]
    counts: NDArray[np.float64]


def powered_mean(
    labelled: LabelledValues, judged: JudgedSums, power: float | None = None
) -> PoweredMean:
    """Return the PPI++ estimate of the mean.

    Args:
        labelled: at least two queries.
        judged: shape (queries,) each; every query number of ``labelled`` is less than that.
        power: lambda; None tunes it to the least variance, clipped to [0, 1]; it is 0 with labels
            of less than five queries.
    """
    weights = labelled.weights / labelled.weights.sum()
    truth_mean = float(weights @ labelled.truth)
    labelled_mean = float(weights @ labelled.predicted)
    judged_mean = float(judged.predicted.sum() / judged.counts.sum())
    size = len(judged.counts)
    by_truth, by_judge = (
        np.bincount(labelled.queries, off, minlength=size).astype(np.float64)
        for off in (
            weights * (labelled.truth - truth_mean),
            weights * (labelled.predicted - labelled_mean),
        )
    )
    by_judge -= (judged.predicted - judged_mean * judged.counts) / judged.counts.sum()
    queries = len(np.unique(labelled.queries))
    freedom = queries - 1
    if power is None:
        power = _tuned(by_truth, by_judge) if queries >= _FEWEST_TO_TUNE else 0.0
        freedom -= power > 0
    variance = float(((by_truth - power * by_judge) ** 2).sum()) * queries / freedom
    value = truth_mean - power * (labelled_mean - judged_mean)
    return PoweredMean(value, float(np.sqrt(variance)), freedom, power)


def _tuned(by_truth: NDArray[np.float64], by_judge: NDArray[np.float64]) -> float:
    """Return the lambda with the least variance; 0 of a judge that always says the same."""
    spread = float(by_judge @ by_judge)
    return float(np.clip(by_truth @ by_judge / spread, 0, 1)) if spread > _NOTHING else 0.0


def mean_estimate(
    labelled: LabelledValues,
    judged: JudgedSums,
    bounds: tuple[float, float],
    power: float | None = None,
) -> tuple[Estimate, float | None]:
    """Return the mean with its 95% interval, cut to ``bounds``, and lambda.

    Quantiles are of a t distribution, because the variance is itself learned from the queries
    that have labels.
    """
    queries = len(np.unique(labelled.queries))
    if queries < _FEWEST_QUERIES:
        return Estimate(reason="labels of two queries at least are needed"), None
    if np.ptp(labelled.truth) == 0:
        return Estimate(reason="all these labels are alike, too few to tell how pairs differ"), None
    from scipy import stats

    mean = powered_mean(labelled, judged, power)
    reach = float(stats.t.ppf((1 + LEVEL) / 2, mean.freedom)) * mean.standard_error
    value, low, high = (
        min(max(end, bounds[0]), bounds[1])
        for end in (mean.value, mean.value - reach, mean.value + reach)
    )
    return Estimate(value, low, high), mean.power
