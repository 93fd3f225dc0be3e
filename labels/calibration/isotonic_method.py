"""The higher the judges' mean, the higher the grade, whatever the shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from labels.calibration.judge_outputs import LEVELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labels.calibration.judge_outputs import JudgeOutputs

#: How many labels the grades' overall shares are worth beside the fit: no grade is impossible.
_SHARES_WORTH: Final = 1.0


@dataclass(frozen=True, slots=True)
class IsotonicModel:
    """P(grade > k) at some mean scores, in between by straight lines, beyond as at the ends.

    ``above`` has one row of values at ``places`` for each k = 1..4.
    """

    places: tuple[NDArray[np.float64], ...]
    above: tuple[NDArray[np.float64], ...]
    shares: NDArray[np.float64]
    mixing: float

    def predict(self, outputs: JudgeOutputs) -> NDArray[np.float64]:
        """Return the distribution at each pair's mean expected score."""
        expected = outputs.expected
        above = np.column_stack(
            [
                np.interp(expected, places, values)
                for places, values in zip(self.places, self.above, strict=True)
            ]
        )
        # Thinned knots may cross by rounding; P(grade > k) never rises with k.
        above = np.minimum.accumulate(above, axis=1)
        edges = np.column_stack([np.ones(len(expected)), above, np.zeros(len(expected))])
        chances = -np.diff(edges, axis=1)
        return (1 - self.mixing) * chances + self.mixing * self.shares

    def parameters(self) -> dict[str, object]:
        """Return the knots of the four curves and the shares mixed in."""
        return {
            "places": [values.tolist() for values in self.places],
            "above": [values.tolist() for values in self.above],
            "shares": self.shares.tolist(),
            "mixing": self.mixing,
        }


def fit_isotonic(
    outputs: JudgeOutputs, grades: NDArray[np.int64], weights: NDArray[np.float64]
) -> IsotonicModel:
    """Learn four isotonic regressions, of [grade > k] on the mean expected score.

    They never cross, because isotonic regression keeps the order of its targets (Zadrozny and
    Elkan, KDD 2002, for two classes; Barlow et al. 1972 for the order).
    """
    from sklearn.isotonic import IsotonicRegression

    expected = outputs.expected
    places, above = [], []
    for k in range(1, LEVELS):
        curve = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
        curve.fit(expected, (grades > k).astype(np.float64), sample_weight=weights)
        places.append(np.asarray(curve.X_thresholds_, dtype=np.float64))
        above.append(np.asarray(curve.y_thresholds_, dtype=np.float64))
    counts = np.bincount(grades - 1, weights=weights, minlength=LEVELS)
    shares = (counts + 1 / LEVELS) / (counts.sum() + 1)
    mixing = _SHARES_WORTH / (_SHARES_WORTH + float(weights.sum()))
    return IsotonicModel(tuple(places), tuple(above), shares, mixing)
