"""How good a probability forecast of grades was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labels.calibration.judge_outputs import GRADE_VALUES

if TYPE_CHECKING:
    from numpy.typing import NDArray


def ranked_probability_scores(
    chances: NDArray[np.float64], grades: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the ranked probability score of each forecast, 0 (perfect) to 4.

    The sum over k = 1..4 of (P(grade <= k) - [grade <= k]) ** 2. (Epstein, Journal of Applied
    Meteorology 8, 1969; Murphy 1971.)

    Args:
        chances: shape (n, 5), P(grade = 1..5).
        grades: shape (n,), 1-5.
    """
    below = np.cumsum(chances, axis=1)[:, :-1]
    happened = grades[:, None] <= GRADE_VALUES[:-1]
    return np.asarray(((below - happened) ** 2).sum(axis=1))


def median_grades(chances: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the median of each distribution, 1 to 5: the one grade with the least mean error.

    (Gneiting, Journal of the American Statistical Association 106, 2011.)
    """
    half = 0.5 - 1e-9
    return np.asarray((np.cumsum(chances, axis=1) < half).sum(axis=1) + 1)


def expected_grades(chances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of each distribution, 1 to 5."""
    return chances @ GRADE_VALUES
