"""Which method, by cross-validation that keeps each query's labels together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from labels.calibration.confusion_method import fit_confusion
from labels.calibration.identity_method import fit_identity
from labels.calibration.isotonic_method import fit_isotonic
from labels.calibration.ordinal_method import fit_ordinal
from labels.calibration.records import Method
from labels.calibration.scoring import ranked_probability_scores

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from labels.calibration.judge_outputs import JudgeOutputs
    from labels.calibration.models import Fit, Model

MOST_FOLDS: Final = 10
#: The ordinal model's ridges, in labels.
_RIDGES: Final = (1.0, 4.0, 16.0)
#: Of two methods whose difference is less than this many of its standard errors, the simpler.
_TIE: Final = 0.5


@dataclass(frozen=True, slots=True)
class LabelledOutputs:
    """Labels beside what judges said. ``queries`` numbers the queries from 0 without gaps."""

    outputs: JudgeOutputs
    grades: NDArray[np.int64]
    weights: NDArray[np.float64]
    queries: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of labels."""
        return len(self.grades)

    def of(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> LabelledOutputs:
        """Return some of the labels."""
        return LabelledOutputs(
            self.outputs.of(chosen),
            self.grades[chosen],
            self.weights[chosen],
            self.queries[chosen],
        )


@dataclass(frozen=True, slots=True)
class Candidate:
    """A method with its setting, and what it said of each label when that was held out."""

    method: Method
    fit: Fit
    held_out: NDArray[np.float64]
    scores: NDArray[np.float64]

    def loss(self, weights: NDArray[np.float64]) -> float:
        """Return the weighted mean RPS."""
        return float(np.average(self.scores, weights=weights))


def fits() -> Iterator[tuple[Method, Fit]]:
    """Give every method with its settings, the simpler first."""
    yield Method.IDENTITY, fit_identity
    yield Method.CONFUSION, fit_confusion
    yield Method.ISOTONIC, fit_isotonic
    for ridge in reversed(_RIDGES):
        yield Method.ORDINAL, partial(fit_ordinal, ridge=ridge)


def candidates(labelled: LabelledOutputs) -> list[Candidate]:
    """Cross-validate every method; the weights' sum is the effective number of labels."""
    folds = _folds(labelled.queries)
    found = []
    for method, fit in fits():
        held_out = np.empty((len(labelled), 5))
        for fold in range(int(folds.max()) + 1):
            inside = folds == fold
            model = _fitted(fit, labelled.of(~inside))
            held_out[inside] = model.predict(labelled.outputs.of(inside))
        scores = ranked_probability_scores(held_out, labelled.grades)
        found.append(Candidate(method, fit, held_out, scores))
    return found


def choose(tried: list[Candidate], labelled: LabelledOutputs) -> Candidate:
    """Return the candidate with the least RPS, or a simpler one as good as it.

    The judge's bare word is kept only where nothing was better at all: its zeros are never right
    for long.
    """
    best = min(tried, key=lambda one: one.loss(labelled.weights))
    for simpler in tried:
        if simpler is best:
            break
        if simpler.method is Method.IDENTITY:
            continue
        worse, error = _paired(simpler, best, labelled)
        if worse <= _TIE * error:
            return simpler
    return best


def _paired(one: Candidate, other: Candidate, labelled: LabelledOutputs) -> tuple[float, float]:
    """Return how much worse ``one`` is in RPS, with its standard error over queries."""
    weights = labelled.weights / labelled.weights.sum()
    apart = one.scores - other.scores
    mean = float(weights @ apart)
    by_query = np.bincount(labelled.queries, weights * (apart - mean))
    count = len(by_query)
    return mean, float(np.sqrt((by_query**2).sum() * count / max(1, count - 1)))


def fitted(candidate: Candidate, labelled: LabelledOutputs) -> Model:
    """Fit the candidate's method on all labels."""
    return _fitted(candidate.fit, labelled)


def _fitted(fit: Fit, labelled: LabelledOutputs) -> Model:
    return fit(labelled.outputs, labelled.grades, labelled.weights)


def _folds(queries: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the fold of each label: queries dealt out so that folds are alike in size."""
    from sklearn.model_selection import GroupKFold

    count = min(MOST_FOLDS, int(queries.max()) + 1)
    folds = np.empty(len(queries), dtype=np.int64)
    for fold, (_, inside) in enumerate(GroupKFold(count).split(queries, groups=queries)):
        folds[inside] = fold
    return folds
