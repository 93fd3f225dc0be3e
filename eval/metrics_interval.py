"""A mean over queries with its 95% interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RESAMPLES: Final = 4000
SEED: Final = 20
_LEVEL: Final = 0.95
#: Draws made at once, so that memory stays bounded whatever the number of queries.
_DRAWS: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over queries and the ends of its 95% interval."""

    value: float
    low: float
    high: float


def bootstrap_figures(
    values: NDArray[np.float64], *, resamples: int = RESAMPLES, seed: int = SEED
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
