"""What people grade when the judge says s, smoothed towards the judge being right."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Final

import numpy as np

from labels.calibration.judge_outputs import LEVELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labels.calibration.judge_outputs import JudgeOutputs

#: How many labels the prior is worth in each row.
_STRENGTHS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
#: How far from the judge's own score the prior reaches, in grades.
_REACHES: Final = (0.4, 0.7, 1.0, 1.5, 2.5, 5.0)


@dataclass(frozen=True, slots=True)
class ConfusionModel:
    """Row s is P(grade = 1..5) given the score s; a distribution over scores mixes the rows."""

    rows: NDArray[np.float64]
    strength: float
    reach: float

    def predict(self, outputs: JudgeOutputs) -> NDArray[np.float64]:
        """Return the mix of the rows by the judges' mean distribution."""
        return outputs.mean_chances @ self.rows

    def parameters(self) -> dict[str, object]:
        """Return the rows and the prior."""
        return {"rows": self.rows.tolist(), "strength": self.strength, "reach": self.reach}


def fit_confusion(
    outputs: JudgeOutputs, grades: NDArray[np.int64], weights: NDArray[np.float64]
) -> ConfusionModel:
    """Learn the rows with a Dirichlet prior, the prior itself by how likely it makes the labels.

    The prior of row s falls off as exp(-|k - s| / reach) and is worth ``strength`` labels. Both
    are taken from a grid by the Dirichlet-multinomial likelihood (empirical Bayes; Agresti,
    Categorical Data Analysis, 2013, section 1.6 and its exercises on smoothing).
    """
    from scipy.special import gammaln

    given = (grades[:, None] == np.arange(1, LEVELS + 1)) * weights[:, None]
    counts = outputs.mean_chances.T @ given
    totals = counts.sum(axis=1)
    best, chosen = -np.inf, (1.0, 1.0)
    for strength, reach in product(_STRENGTHS, _REACHES):
        prior = strength * _prior(reach)
        likelihood = (gammaln(counts + prior) - gammaln(prior)).sum()
        likelihood -= (gammaln(totals + strength) - gammaln(strength)).sum()
        if likelihood > best:
            best, chosen = likelihood, (strength, reach)
    strength, reach = chosen
    rows = (counts + strength * _prior(reach)) / (totals + strength)[:, None]
    return ConfusionModel(rows, strength, reach)


def _prior(reach: float) -> NDArray[np.float64]:
    steps = np.arange(LEVELS)
    weights = np.exp(-np.abs(steps[:, None] - steps[None, :]) / reach)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
