"""Agreement and error figures written from their definitions, to hold the product's against.

They go label by label and pair by pair, where the product works on 5x5 tables.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def quadratic_kappa(first: ArrayLike, second: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Cohen's weighted kappa: one minus the observed over the chance mean squared difference."""
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    share = np.ones(len(one)) if weights is None else np.asarray(weights, dtype=np.float64)
    share = share / share.sum()
    observed = share @ (one - other) ** 2
    by_chance = share @ ((one[:, None] - other[None, :]) ** 2) @ share
    return float(1 - observed / by_chance)


def confusion_counts(
    first: ArrayLike, second: ArrayLike, weights: ArrayLike | None = None
) -> NDArray[np.float64]:
    """The weighted number of times that ``first`` is i + 1 and ``second`` j + 1, shape (5, 5)."""
    rows = np.asarray(first).tolist()
    columns = np.asarray(second).tolist()
    counted = Counter[tuple[int, int]]()
    share = np.ones(len(rows)) if weights is None else np.asarray(weights, dtype=np.float64)
    for row, column, weight in zip(rows, columns, share.tolist(), strict=True):
        counted[int(row), int(column)] += weight
    return np.array([[float(counted[i, j]) for j in range(1, 6)] for i in range(1, 6)])


def mean_absolute_error(
    truth: ArrayLike, said: ArrayLike, weights: ArrayLike | None = None
) -> float:
    """The weighted mean distance."""
    apart = np.abs(np.asarray(truth, dtype=np.float64) - np.asarray(said, dtype=np.float64))
    return float(np.average(apart, weights=None if weights is None else np.asarray(weights)))


def brier_score(happened: ArrayLike, chances: ArrayLike, weights: ArrayLike | None = None) -> float:
    """The weighted mean squared distance of a chance to 0 or 1."""
    off = np.asarray(happened, dtype=np.float64) - np.asarray(chances, dtype=np.float64)
    return float(np.average(off**2, weights=None if weights is None else np.asarray(weights)))


def isotonic_fit(
    places: ArrayLike, values: ArrayLike, weights: ArrayLike | None = None
) -> NDArray[np.float64]:
    """The non-decreasing function of ``places`` that is nearest to ``values``, at each place.

    By the min-max formula: the least, over all ends at or above, of the greatest weighted mean
    that any stretch up to there has (Robertson, Wright and Dykstra, 1988, theorem 1.4.4).
    """
    at, wanted = np.asarray(places, dtype=np.float64), np.asarray(values, dtype=np.float64)
    share = np.ones(len(at)) if weights is None else np.asarray(weights, dtype=np.float64)
    knots = np.unique(at)
    sums = np.array([(share * wanted)[at == knot].sum() for knot in knots])
    totals = np.array([share[at == knot].sum() for knot in knots])
    fitted = [
        min(
            max(
                sums[start : end + 1].sum() / totals[start : end + 1].sum()
                for start in range(place + 1)
            )
            for end in range(place, len(knots))
        )
        for place in range(len(knots))
    ]
    return np.asarray(np.array(fitted)[np.searchsorted(knots, at)])
