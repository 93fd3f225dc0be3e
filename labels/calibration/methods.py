"""Calibration methods: from judges' rulings to P(grade).

All are plain arrays fitted with numpy and scipy. The libraries that have a weighted cumulative-link
model need pandas (statsmodels) or are no longer maintained (mord).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from itertools import product
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from labels.calibration.outputs import LEVELS, features
from labels.calibration.store import Method

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from labels.calibration.outputs import JudgeOutputs


@dataclass(frozen=True, slots=True)
class Model(ABC):
    """A fitted method. Its fields are numbers, arrays, or tuples of arrays."""

    @abstractmethod
    def predict(self, outputs: JudgeOutputs) -> NDArray[np.float64]:
        """Return P(grade = 1..5), shape (n, 5), rows summing to 1."""

    def parameters(self) -> dict[str, object]:
        """Return the fields, ready for JSON."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value.tolist() if isinstance(value, np.ndarray) else value


class Fit(Protocol):
    """Fits a model. Weights must sum to the effective sample size."""

    def __call__(
        self, outputs: JudgeOutputs, grades: NDArray[np.int64], weights: NDArray[np.float64]
    ) -> Model:
        """Return the model fitted on these labels, grades 1-5."""


@dataclass(frozen=True, slots=True)
class IdentityModel(Model):
    """The judges taken at their word: P(grade) is their mean distribution."""

    def predict(self, outputs: JudgeOutputs) -> NDArray[np.float64]:
        """Return the judges' mean distribution."""
        return outputs.mean_chances


def fit_identity(
    outputs: JudgeOutputs,  # noqa: ARG001 - the signature of every fit
    grades: NDArray[np.int64],  # noqa: ARG001
    weights: NDArray[np.float64],  # noqa: ARG001
) -> IdentityModel:
    """Return the model; there is nothing to fit."""
    return IdentityModel()


#: Candidates for how many labels the prior of a row is worth.
_STRENGTHS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
#: Candidates for how far the prior spreads around the judge's score, in grades.
_REACHES: Final = (0.4, 0.7, 1.0, 1.5, 2.5, 5.0)


@dataclass(frozen=True, slots=True)
class ConfusionModel(Model):
    """A confusion matrix: row s is P(grade = 1..5) given score s; distributions mix the rows."""

    rows: tuple[NDArray[np.float64], ...]
    strength: float
    reach: float

    def predict(self, outputs: JudgeOutputs) -> NDArray[np.float64]:
        """Return the rows mixed by the judges' mean distribution."""
        return outputs.mean_chances @ np.array(self.rows)


def fit_confusion(
    outputs: JudgeOutputs, grades: NDArray[np.int64], weights: NDArray[np.float64]
) -> ConfusionModel:
    """Fit the rows with a Dirichlet prior centred on the judge's score.

    The prior of row s falls off as exp(-|k - s| / reach) and is worth ``strength`` labels. Both
    come from a grid, by the Dirichlet-multinomial likelihood of the labels (empirical Bayes;
    Agresti, Categorical Data Analysis, 2013, section 1.6 and its exercises on smoothing).
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
    return ConfusionModel(tuple(rows), strength, reach)


def _prior(reach: float) -> NDArray[np.float64]:
    steps = np.arange(LEVELS)
    weights = np.exp(-np.abs(steps[:, None] - steps[None, :]) / reach)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


#: The grades' overall shares are mixed in with the weight of one label: no grade is impossible.
_SHARES_LABELS: Final = 1.0
_DECIMALS: Final = 12


@dataclass(frozen=True, slots=True)
class IsotonicModel(Model):
    """P(grade > k), k = 1..4, as curves that rise with the judges' mean expected score.

    ``above[k - 1]`` has the values at the knots ``places[k - 1]``; linear between knots, constant
    beyond.
    """

    places: tuple[NDArray[np.float64], ...]
    above: tuple[NDArray[np.float64], ...]
    shares: NDArray[np.float64]
    mixing: float

    def predict(self, outputs: JudgeOutputs) -> NDArray[np.float64]:
        """Return the distribution at the pairs' mean expected scores."""
        expected = outputs.expected
        above = np.column_stack(
            [
                np.interp(expected, places, values)
                for places, values in zip(self.places, self.above, strict=True)
            ]
        )
        # Curves with fewer knots may cross by rounding; P(grade > k) never rises with k.
        above = np.minimum.accumulate(above, axis=1)
        edges = np.column_stack([np.ones(len(expected)), above, np.zeros(len(expected))])
        chances = -np.diff(edges, axis=1)
        return (1 - self.mixing) * chances + self.mixing * self.shares


def fit_isotonic(
    outputs: JudgeOutputs, grades: NDArray[np.int64], weights: NDArray[np.float64]
) -> IsotonicModel:
    """Fit four isotonic regressions, of [grade > k] on the mean expected score.

    The curves never cross, because isotonic regression keeps the order of its targets (Zadrozny and
    Elkan, KDD 2002, for two classes; Barlow et al. 1972 for the order).
    """
    from scipy.optimize import isotonic_regression

    # Means of equal rulings may differ in the last bits; they are one knot.
    expected = outputs.expected
    _, first, group = np.unique(
        np.round(expected, _DECIMALS), return_index=True, return_inverse=True
    )
    knots = expected[first]
    totals = np.bincount(group, weights)
    places, above = [], []
    for k in range(1, LEVELS):
        means = np.bincount(group, weights * (grades > k)) / totals
        curve = isotonic_regression(means, weights=totals).x
        bends = np.ones(len(knots), dtype=bool)
        bends[1:-1] = (curve[1:-1] != curve[:-2]) | (curve[1:-1] != curve[2:])
        places.append(knots[bends])
        above.append(curve[bends])
    counts = np.bincount(grades - 1, weights=weights, minlength=LEVELS)
    shares = (counts + 1 / LEVELS) / (counts.sum() + 1)
    mixing = _SHARES_LABELS / (_SHARES_LABELS + float(weights.sum()))
    return IsotonicModel(tuple(places), tuple(above), shares, mixing)


#: Pseudo-labels per grade at the mean of all pairs, so that a grade nobody gave is rare but not
#: impossible, and cuts stay finite.
_PSEUDO_LABELS: Final = 0.1
#: The slope on the mean expected score that the ridge pulls to, in logits per grade: judges are
#: informative until labels say otherwise.
_PRIOR_SLOPE: Final = 1.0
#: Stop once a step lowers the loss by less than this share of it.
_TOLERANCE: Final = 1e-7
_MIN_CHANCE: Final = 1e-12


@dataclass(frozen=True, slots=True)
class OrdinalModel(Model):
    """Cumulative-link model: P(grade <= k) = logistic(cut_k - x . slopes) (McCullagh 1980).

    ``centre`` and ``scale`` standardise the features.
    """

    slopes: NDArray[np.float64]
    cuts: NDArray[np.float64]
    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    ridge: float

    def predict(self, outputs: JudgeOutputs) -> NDArray[np.float64]:
        """Return the distribution at the pairs' features."""
        line = (features(outputs) - self.centre) / self.scale @ self.slopes
        return np.diff(_edges(self.cuts, line), axis=1)


def fit_ordinal(
    outputs: JudgeOutputs,
    grades: NDArray[np.int64],
    weights: NDArray[np.float64],
    ridge: float = 1.0,
) -> OrdinalModel:
    """Fit slopes and cuts by penalised maximum likelihood (McCullagh, JRSS B 42, 1980).

    Args:
        outputs: the judges' rulings.
        grades: people's, 1-5.
        weights: of the labels.
        ridge: of the penalty ridge / 2 * |slopes - prior| ** 2, in labels.
    """
    from scipy import optimize

    plain = features(outputs)
    centre = np.average(plain, axis=0, weights=weights)
    scale = np.sqrt(np.average((plain - centre) ** 2, axis=0, weights=weights))
    scale[scale < 1e-6] = np.inf  # noqa: PLR2004 - a constant feature gets no slope
    prior = np.zeros(plain.shape[1])
    prior[0] = _PRIOR_SLOPE * scale[0] if np.isfinite(scale[0]) else 0.0
    pseudo = np.zeros((LEVELS, plain.shape[1]))
    problem = _Problem(
        rows=np.concatenate([(plain - centre) / scale, pseudo]),
        places=np.concatenate([grades - 1, np.arange(LEVELS)]),
        weights=np.concatenate([weights, np.full(LEVELS, _PSEUDO_LABELS)]),
        prior=prior,
        ridge=ridge,
    )
    found = optimize.minimize(
        problem.loss, problem.start(), jac=True, method="L-BFGS-B", options={"ftol": _TOLERANCE}
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
    """Negative penalised log likelihood of slopes, the first cut, and logs of gaps between cuts."""

    rows: NDArray[np.float64]
    places: NDArray[np.int64]
    weights: NDArray[np.float64]
    prior: NDArray[np.float64]
    ridge: float

    def start(self) -> NDArray[np.float64]:
        """Return zero slopes and the cuts that give every grade its share."""
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
        off = slopes - self.prior
        edges = _edges(cuts, self.rows @ slopes)
        places = self.places[:, None]
        upper = np.take_along_axis(edges, places + 1, axis=1)[:, 0]
        lower = np.take_along_axis(edges, places, axis=1)[:, 0]
        chances = np.maximum(upper - lower, _MIN_CHANCE)
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


_MODELS: Final[dict[Method, type[Model]]] = {
    Method.IDENTITY: IdentityModel,
    Method.CONFUSION: ConfusionModel,
    Method.ISOTONIC: IsotonicModel,
    Method.ORDINAL: OrdinalModel,
}


def model_of(method: Method, parameters: Mapping[str, Any]) -> Model:
    """Return a model from its ``parameters()``, read back from JSON.

    Raises:
        TypeError: a parameter is missing.
    """
    return _MODELS[method](**{name: _restored(value) for name, value in parameters.items()})


def _restored(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    if value and isinstance(value[0], list):
        return tuple(_restored(part) for part in value)
    return np.array(value, dtype=np.float64)
