"""Cumulative-link regression: one straight line through all that judges said, cut into grades.

P(grade <= k) = logistic(cut_k - x . slopes) (McCullagh, Journal of the Royal Statistical Society
B 42, 1980), with a ridge on the slopes. The fit is 60 lines on scipy's L-BFGS: the libraries that
have it either need pandas (statsmodels) or are no longer kept (mord), and neither takes weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from labels.calibration.judge_outputs import LEVELS, features

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labels.calibration.judge_outputs import JudgeOutputs

#: Labels of each grade imagined at the mean of all pairs, so that a grade nobody gave is rare, not
#: impossible, and the cuts are never infinite.
_IMAGINED: Final = 0.1
#: What the slope on the mean expected score is drawn to, in logits per grade: judges are worth
#: something until labels say otherwise.
_TRUST: Final = 1.0
#: A step that lowers the loss by less than this share of it is the last.
_ENOUGH: Final = 1e-7
_LEAST_CHANCE: Final = 1e-12


@dataclass(frozen=True, slots=True)
class OrdinalModel:
    """Slopes on standardised features, and the cuts between grades."""

    slopes: NDArray[np.float64]
    cuts: NDArray[np.float64]
    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    ridge: float

    def predict(self, outputs: JudgeOutputs) -> NDArray[np.float64]:
        """Return the model's distribution of each pair."""
        line = (features(outputs) - self.centre) / self.scale @ self.slopes
        return np.diff(_edges(self.cuts, line), axis=1)

    def parameters(self) -> dict[str, object]:
        """Return slopes, cuts, and how the features were standardised."""
        return {
            "slopes": self.slopes.tolist(),
            "cuts": self.cuts.tolist(),
            "centre": self.centre.tolist(),
            "scale": self.scale.tolist(),
            "ridge": self.ridge,
        }


def fit_ordinal(
    outputs: JudgeOutputs,
    grades: NDArray[np.int64],
    weights: NDArray[np.float64],
    ridge: float = 1.0,
) -> OrdinalModel:
    """Learn slopes and cuts by penalised maximum likelihood.

    Args:
        outputs: what the judges said.
        grades: what people said, 1-5.
        weights: what each label counts.
        ridge: of the penalty ridge / 2 * |slopes - trusted| ** 2, in labels.
    """
    from scipy import optimize

    plain = features(outputs)
    centre = np.average(plain, axis=0, weights=weights)
    scale = np.sqrt(np.average((plain - centre) ** 2, axis=0, weights=weights))
    scale[scale < 1e-6] = np.inf  # noqa: PLR2004 - a feature that does not vary tells nothing
    trusted = np.zeros(plain.shape[1])
    trusted[0] = _TRUST * scale[0] if np.isfinite(scale[0]) else 0.0
    imagined = np.zeros((LEVELS, plain.shape[1]))
    problem = _Problem(
        rows=np.concatenate([(plain - centre) / scale, imagined]),
        places=np.concatenate([grades - 1, np.arange(LEVELS)]),
        weights=np.concatenate([weights, np.full(LEVELS, _IMAGINED)]),
        trusted=trusted,
        ridge=ridge,
    )
    found = optimize.minimize(
        problem.loss, problem.start(), jac=True, method="L-BFGS-B", options={"ftol": _ENOUGH}
    )
    slopes, cuts = problem.split(found.x)
    return OrdinalModel(slopes, cuts, centre, np.where(np.isinf(scale), 1e300, scale), ridge)


def _edges(cuts: NDArray[np.float64], line: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return P(grade <= k) for k = 0..5, shape (n, 6)."""
    from scipy.special import expit

    below = expit(cuts[None, :] - line[:, None])
    ends = np.zeros((len(line), 1))
    return np.concatenate([ends, below, ends + 1], axis=1)


@dataclass(frozen=True, slots=True)
class _Problem:
    """Minus the penalised log likelihood, in slopes, the first cut and logs of the cuts' gaps."""

    rows: NDArray[np.float64]
    places: NDArray[np.int64]
    weights: NDArray[np.float64]
    trusted: NDArray[np.float64]
    ridge: float

    def start(self) -> NDArray[np.float64]:
        """Return flat slopes and the cuts that give every grade its share."""
        counts = np.bincount(self.places, self.weights, minlength=LEVELS)
        shares = np.cumsum(counts)[:-1] / counts.sum()
        cuts = np.log(shares / (1 - shares))
        gaps = np.log(np.diff(cuts))
        return np.concatenate([np.zeros(self.rows.shape[1]), cuts[:1], gaps])

    def split(self, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return slopes and cuts."""
        size = self.rows.shape[1]
        steps = np.concatenate([values[size : size + 1], np.exp(values[size + 1 :])])
        return values[:size], np.cumsum(steps)

    def loss(self, values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Return the loss and its gradient."""
        slopes, cuts = self.split(values)
        off = slopes - self.trusted
        edges = _edges(cuts, self.rows @ slopes)
        places = self.places[:, None]
        upper = np.take_along_axis(edges, places + 1, axis=1)[:, 0]
        lower = np.take_along_axis(edges, places, axis=1)[:, 0]
        chances = np.maximum(upper - lower, _LEAST_CHANCE)
        loss = -float(self.weights @ np.log(chances)) + self.ridge / 2 * float(off @ off)
        # d logistic = logistic (1 - logistic): 0 at both outer edges, as it must be.
        above = self.weights * upper * (1 - upper) / chances
        under = self.weights * lower * (1 - lower) / chances
        by_line = above - under
        by_cut = np.bincount(self.places, -above, minlength=LEVELS)[:-1]
        by_cut += np.bincount(self.places, under, minlength=LEVELS)[1:]
        after = np.cumsum(by_cut[::-1])[::-1]
        gaps = np.exp(values[self.rows.shape[1] + 1 :])
        gradient = [self.rows.T @ by_line + self.ridge * off, after[:1], after[1:] * gaps]
        return loss, np.concatenate(gradient)
