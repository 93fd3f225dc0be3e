"""95% intervals by drawing queries, not labels.

Labels under one query are alike, so a bootstrap that draws single labels gives intervals that are
too narrow: on real ratings [0.47, 0.52] where drawing queries gives [0.36, 0.60]. Whatever can be
computed from sums over queries is computed here for every resample at once. (Davison and Hinkley,
Bootstrap Methods and their Application, 1997, section 3.8.)

How likely a difference between two evals is, if neither were the better.

A mean over queries with its 95% interval.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from core.records import Estimate, Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray


#: Up to this many queries that differ, every assignment of signs is counted.
EXACT_LIMIT: Final = 18
DRAWS: Final = 100_000
SEED: Final = 20
_CELLS: Final = 1 << 22
#: Sums of the same numbers in another order may differ by this share of their size.
_ROUNDING: Final = 1e-9


def paired_randomisation(
    differences: Sequence[float], *, draws: int = DRAWS, seed: int = SEED
) -> float:
    """Return the two-sided p-value of the paired randomisation (sign-flip) test on the mean.

    If neither system is the better, each query's difference could as well have the other sign.
    The p-value is the share of sign assignments whose mean is at least as far from 0. It is exact
    up to ``EXACT_LIMIT`` differing queries; beyond, ``draws`` assignments are drawn and the
    observed one is counted among them, so that it is never 0. (Fisher 1935; Smucker, Allan and
    Carterette, CIKM 2007.)

    Args:
        differences: one for each query, zeros too.
        draws: assignments drawn when there are too many to count.
        seed: of the draws; the same differences give the same p-value each time.
    """
    import numpy as np

    values = np.asarray(differences, dtype=np.float64)
    values = values[values != 0]
    if not len(values):
        return 1.0
    least = abs(values.sum()) - _ROUNDING * np.abs(values).sum()
    if len(values) <= EXACT_LIMIT:
        return float((np.abs(_all_sums(values)) >= least).mean())
    chance = np.random.default_rng(seed)
    step = max(1, _CELLS // len(values))
    reached = 0
    for start in range(0, draws, step):
        size = min(step, draws - start)
        signs = chance.integers(0, 2, (size, len(values)), dtype=np.int8)
        sums = 2 * (signs @ values) - values.sum()
        reached += int((np.abs(sums) >= least).sum())
    return (reached + 1) / (draws + 1)


def _all_sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum for each of the 2 ** n assignments of signs."""
    import numpy as np

    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums + value, sums - value])
    return sums


FIGURE_RESAMPLES: Final = 4000
_LEVEL: Final = 0.95
#: Draws made at once, so that memory stays bounded whatever the number of queries.
_DRAWS: Final = 1 << 20


def bootstrap_figures(
    values: NDArray[np.float64], *, resamples: int = FIGURE_RESAMPLES, seed: int = SEED
) -> list[Figure]:
    """Return the mean of each column with its percentile bootstrap interval over the rows.

    The same values give the same interval each time. (Efron and Tibshirani, An Introduction to the
    Bootstrap, 1993, chapter 13.)

    Args:
        values: shape (queries, measures), at least one row.
        resamples: how many samples of the queries are drawn, with replacement.
        seed: of the draws.
    """
    import numpy as np

    count = len(values)
    chance = np.random.default_rng(seed)
    means = np.empty((resamples, values.shape[1]))
    step = max(1, _DRAWS // count)
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        drawn = chance.integers(0, count, (size, count))
        for column in range(values.shape[1]):
            means[start : start + size, column] = values[:, column][drawn].mean(axis=1)
    tail = (1 - _LEVEL) / 2
    low, high = np.quantile(means, [tail, 1 - tail], axis=0)
    middle = values.mean(axis=0)
    return [Figure(float(m), float(a), float(b)) for m, a, b in zip(middle, low, high, strict=True)]


RESAMPLES: Final = 2000

LEVEL: Final = 0.95

#: With more resamples than this share in which a figure is not defined, its interval is not either.
_UNDEFINED_ALLOWED: Final = 0.05


def resampled_sums(
    sums: NDArray[np.float64], *, resamples: int = RESAMPLES, seed: int = SEED
) -> NDArray[np.float64]:
    """Return the total of each resample of the queries.

    Args:
        sums: shape (queries, ...), what each query adds to the total.
        resamples: how many times as many queries are drawn, with replacement.
        seed: of the draws; the same sums give the same totals each time.

    Returns:
        Shape (resamples, ...).
    """
    count = len(sums)
    flat = sums.reshape(count, -1)
    drawn = [times @ flat for times in _draws(count, resamples, seed)]
    return np.concatenate(drawn).reshape(resamples, *sums.shape[1:])


def _draws(count: int, resamples: int, seed: int) -> Iterator[NDArray[np.float64]]:
    chance = np.random.default_rng(seed)
    step = max(1, _DRAWS // count)
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        places = chance.integers(0, count, (size, count)) + np.arange(size)[:, None] * count
        times = np.bincount(places.ravel(), minlength=size * count)
        yield times.reshape(size, count).astype(np.float64)


def estimate(
    figure: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    sums: NDArray[np.float64],
    resampled: NDArray[np.float64],
    *,
    share: bool = False,
) -> Estimate:
    """Return a figure of the total of all queries with its 95% interval.

    Args:
        figure: computes the figure of each total, NaN where it is not defined.
        sums: shape (queries, ...), what each query adds.
        resampled: ``resampled_sums`` of them.
        share: whether the figure is a share, from 0 to 1; see ``interval``.
    """
    value = float(figure(sums.sum(axis=0)[None])[0])
    if np.isnan(value):
        return Estimate(reason="the grades do not vary, so there is nothing to compute it from")
    return interval(value, figure(resampled), contributing(sums), share=share)


def interval(
    value: float, values: NDArray[np.float64], queries: int, *, share: bool = False
) -> Estimate:
    """Return ``value`` with the interval that its resampled values span.

    The percentiles are those of a t distribution, widened by sqrt(n / (n - 1)), because plain
    ones are too narrow with few queries (Hesterberg, The American Statistician 69, 2015).

    Args:
        value: of the whole.
        values: one for each resample, NaN where not defined.
        queries: how many were drawn from.
        share: of a share that is 0 or 1 resampling finds nothing else, which is no proof; the
            interval is then that of as many queries without one exception (Clopper and Pearson
            1934).
    """
    if queries < 2:  # noqa: PLR2004 - of one query nothing can be drawn
        return Estimate(value, reason="all labels are of one query, which gives no interval")
    defined = values[~np.isnan(values)]
    if len(defined) < len(values) * (1 - _UNDEFINED_ALLOWED):
        return Estimate(value, reason="too few labels for an interval")
    from scipy import stats

    quantile = stats.t.ppf((1 - LEVEL) / 2, queries - 1) * np.sqrt(queries / (queries - 1))
    tail = float(stats.norm.cdf(quantile))
    low, high = (float(end) for end in np.quantile(defined, [tail, 1 - tail]))
    if low == high and share and value in (0.0, 1.0):
        reach = largest_unseen_share(queries)
        return Estimate(value, max(0.0, value - reach), min(1.0, value + reach))
    if low == high:
        return Estimate(value, reason="every resample gives the same, too few labels to tell more")
    return Estimate(value, min(low, value), max(high, value))


def largest_unseen_share(queries: int) -> float:
    """Return how large a share can be of which so many queries showed nothing, at 95%."""
    return float(1 - ((1 - LEVEL) / 2) ** (1 / queries))


def contributing(sums: NDArray[np.float64]) -> int:
    """Return how many queries add anything."""
    return int(np.count_nonzero(np.abs(sums).sum(axis=tuple(range(1, sums.ndim)))))
