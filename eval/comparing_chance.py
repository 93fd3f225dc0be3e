"""How likely a difference between two evals is, if neither were the better."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
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
