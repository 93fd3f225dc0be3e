"""Bootstrap intervals and a paired test, with the query as the unit.

Labels under one query resemble each other, so queries are resampled, not labels: on real ratings
a bootstrap over labels gives [0.47, 0.52] where one over queries gives [0.36, 0.60]. Every
statistic is a function of sums over queries, which makes all resamples one matrix product
(Davison and Hinkley, Bootstrap Methods and their Application, 1997, section 3.8).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.records import Estimate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


LEVEL: Final = 0.95
RESAMPLES: Final = 2000
SEED: Final = 20
#: With a larger share of undefined resamples the interval is undefined too.
_UNDEFINED_ALLOWED: Final = 0.05
#: Array cells used at once, so that memory stays bounded for any number of queries.
_DRAWN_CELLS: Final = 1 << 20
_SIGN_CELLS: Final = 1 << 22

#: Up to this many differing queries, the randomisation test counts every assignment of signs.
EXACT_LIMIT: Final = 18
DRAWS: Final = 100_000
#: Sums of the same numbers in another order may differ by this share of their size.
_ROUNDING: Final = 1e-9


def bootstrap_means(values: Floats, bounds: tuple[float, float]) -> list[Estimate]:
    """Return the mean of each column with its 95% interval over the rows.

    Args:
        values: shape (queries, measures), at least one row.
        bounds: the least and the greatest possible value.
    """
    queries = len(values)
    resampled = bootstrap_totals(values) / queries
    return [
        bootstrap_interval(float(mean), resampled[:, column], queries, bounds=bounds)
        if queries > 1
        else unseen_interval(float(mean), bounds, queries)
        for column, mean in enumerate(values.mean(axis=0))
    ]


def bootstrap_estimate(
    statistic: Callable[[Floats], Floats],
    sums: Floats,
    totals: Floats,
    *,
    bounds: tuple[float, float] | None = None,
) -> Estimate:
    """Return a statistic of the total over all queries with its 95% interval.

    Args:
        statistic: computes its value for each total in an array; NaN where undefined.
        sums: shape (queries, ...), each query's contribution to the total.
        totals: ``bootstrap_totals`` of ``sums``.
        bounds: see ``bootstrap_interval``.
    """
    import numpy as np

    value = float(statistic(sums.sum(axis=0)[None])[0])
    if np.isnan(value):
        return Estimate(reason="undefined, because the grades do not vary")
    return bootstrap_interval(value, statistic(totals), contributing_queries(sums), bounds=bounds)


def bootstrap_totals(sums: Floats, *, resamples: int = RESAMPLES, seed: int = SEED) -> Floats:
    """Return the total of every resample of the queries, shape (resamples, ...).

    Args:
        sums: shape (queries, ...), each query's contribution to the total.
        resamples: how many times the queries are drawn with replacement.
        seed: the same seed and sums give the same totals.
    """
    import numpy as np

    count = len(sums)
    flat = sums.reshape(count, -1)
    totals = [drawn @ flat for drawn in _draw_counts(count, resamples, seed)]
    return np.concatenate(totals).reshape(resamples, *sums.shape[1:])


def _draw_counts(count: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Yield blocks of resamples: how often each query was drawn, shape (block, queries)."""
    import numpy as np

    random = np.random.default_rng(seed)
    block = max(1, _DRAWN_CELLS // count)
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        drawn = random.integers(0, count, (size, count)) + np.arange(size)[:, None] * count
        counts = np.bincount(drawn.ravel(), minlength=size * count)
        yield counts.reshape(size, count).astype(np.float64)


def bootstrap_interval(
    value: float,
    resampled: Floats,
    queries: int,
    *,
    bounds: tuple[float, float] | None = None,
) -> Estimate:
    """Return ``value`` with the 95% interval of its resampled values.

    Percentiles are taken at the quantiles of a t distribution, stretched by sqrt(n / (n - 1)):
    plain percentiles are too narrow with few queries (Hesterberg, The American Statistician 69,
    2015).

    Args:
        value: of the whole sample.
        resampled: its value in every resample, NaN where undefined.
        queries: how many were resampled.
        bounds: the range of a mean over queries. Where all resamples agree, the interval is then
            ``unseen_interval``; without bounds there is none.
    """
    import numpy as np

    if queries < 2:  # noqa: PLR2004 - resampling one query changes nothing
        return Estimate(value, reason="all labels are of one query, which gives no interval")
    defined = resampled[~np.isnan(resampled)]
    if len(defined) < len(resampled) * (1 - _UNDEFINED_ALLOWED):
        return Estimate(value, reason="too few labels for an interval")
    from scipy.special import ndtr, stdtrit  # scipy.stats takes a second to import

    quantile = stdtrit(queries - 1, (1 - LEVEL) / 2) * np.sqrt(queries / (queries - 1))
    tail = float(ndtr(quantile))
    low, high = (float(end) for end in np.quantile(defined, [tail, 1 - tail]))
    if low < high:
        return Estimate(value, min(low, value), max(high, value))
    if bounds is None:
        return Estimate(value, reason="every resample gives the same value: too few labels")
    return unseen_interval(value, bounds, queries)


def unseen_interval(value: float, bounds: tuple[float, float], queries: int) -> Estimate:
    """Return the 95% interval of a mean over queries that did not differ.

    Resampling equal queries finds no other value, which does not prove that there is none. The
    interval lets ``unseen_share`` of the queries have any value within ``bounds``: 2 hits of 2
    give [0.158, 1].
    """
    low, high = (value + unseen_share(queries) * (end - value) for end in bounds)
    return Estimate(value, low, high)


def unseen_share(queries: int) -> float:
    """Return the Clopper-Pearson upper bound at zero events, two-sided 95%.

    So large a share of all queries may be different although none of ``queries`` was. (Clopper
    and Pearson, Biometrika 26, 1934.)
    """
    return float(1 - ((1 - LEVEL) / 2) ** (1 / queries))


def contributing_queries(sums: Floats) -> int:
    """Return how many queries contribute anything to the total; ``sums`` as above."""
    import numpy as np

    return int(np.count_nonzero(np.abs(sums).sum(axis=tuple(range(1, sums.ndim)))))


def paired_randomisation(
    differences: Sequence[float], *, draws: int = DRAWS, seed: int = SEED
) -> float:
    """Return the two-sided p-value of the paired randomisation (sign-flip) test on the mean.

    If neither system is better, each query's difference could as well have the other sign. The
    p-value is the share of sign assignments whose mean is at least as far from 0. It is exact up
    to ``EXACT_LIMIT`` differing queries; beyond, ``draws`` assignments are sampled and the
    observed assignment is counted among them, so that it is never 0. (Fisher 1935; Smucker, Allan
    and Carterette, CIKM 2007.)

    Args:
        differences: one number for every query, zeros included.
        draws: assignments sampled when there are too many to count.
        seed: the same seed and differences give the same p-value.
    """
    import numpy as np

    values = np.asarray(differences, dtype=np.float64)
    values = values[values != 0]
    if not len(values):
        return 1.0
    observed = abs(values.sum()) - _ROUNDING * np.abs(values).sum()
    if len(values) <= EXACT_LIMIT:
        return float((np.abs(_all_sums(values)) >= observed).mean())
    random = np.random.default_rng(seed)
    block = max(1, _SIGN_CELLS // len(values))
    reached = 0
    for start in range(0, draws, block):
        size = min(block, draws - start)
        signs = random.integers(0, 2, (size, len(values)), dtype=np.int8)
        sums = 2 * (signs @ values) - values.sum()
        reached += int((np.abs(sums) >= observed).sum())
    return (reached + 1) / (draws + 1)


def _all_sums(values: Floats) -> Floats:
    """Return the sums under all 2 ** n assignments of signs."""
    import numpy as np

    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums + value, sums - value])
    return sums
