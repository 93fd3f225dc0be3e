"""Choose the calibration method by cross-validation that keeps a query's labels together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from labels.calibration.methods import fit_confusion, fit_identity, fit_isotonic, fit_ordinal
from labels.calibration.outputs import GRADE_VALUES, LEVELS
from labels.calibration.store import Method

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from labels.calibration.methods import Fit, Model
    from labels.calibration.outputs import LabelledOutputs

MAX_FOLDS: Final = 10
#: Ridges of the ordinal model, in labels.
_RIDGES: Final = (1.0, 4.0, 16.0)
#: A method that is worse by less than this many standard errors is as good.
_TIE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Candidate:
    """A method with its setting, its predictions of held-out labels, and their RPS."""

    method: Method
    fit: Fit
    held_out: NDArray[np.float64]
    scores: NDArray[np.float64]

    def loss(self, weights: NDArray[np.float64]) -> float:
        """Return the weighted mean RPS."""
        return float(np.average(self.scores, weights=weights))


def cross_validate(labelled: LabelledOutputs) -> list[Candidate]:
    """Cross-validate every method, simplest first.

    Weights must sum to the effective sample size.
    """
    folds = query_folds(labelled.queries)
    candidates = []
    for method, fit in fits():
        held_out = np.empty((len(labelled), LEVELS))
        for fold in range(int(folds.max()) + 1):
            inside = folds == fold
            model = fit_labelled(fit, labelled.of(~inside))
            held_out[inside] = model.predict(labelled.outputs.of(inside))
        scores = ranked_probability_scores(held_out, labelled.grades)
        candidates.append(Candidate(method, fit, held_out, scores))
    return candidates


def choose(candidates: Sequence[Candidate], labelled: LabelledOutputs) -> Candidate:
    """Return the candidate with the least RPS, or the simplest that is as good.

    The judge's raw output is kept only if nothing else was better at all: its zero probabilities
    do not last.
    """
    best = min(candidates, key=lambda candidate: candidate.loss(labelled.weights))
    for simpler in candidates:
        if simpler is best:
            break
        if simpler.method is Method.IDENTITY:
            continue
        worse, error = _paired_difference(simpler, best, labelled)
        if worse <= _TIE * error:
            return simpler
    return best


def fits() -> Iterator[tuple[Method, Fit]]:
    """Yield every method with its settings, simplest first."""
    yield Method.IDENTITY, fit_identity
    yield Method.CONFUSION, fit_confusion
    yield Method.ISOTONIC, fit_isotonic
    for ridge in reversed(_RIDGES):
        yield Method.ORDINAL, partial(fit_ordinal, ridge=ridge)


def fit_labelled(fit: Fit, labelled: LabelledOutputs) -> Model:
    """Fit a method on labels."""
    return fit(labelled.outputs, labelled.grades, labelled.weights)


def query_folds(queries: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the fold of every label; the largest query goes first, into the smallest fold."""
    labels = np.bincount(queries)
    sizes = np.zeros(min(MAX_FOLDS, len(labels)), dtype=np.int64)
    fold_of_query = np.empty(len(labels), dtype=np.int64)
    for query in np.argsort(labels, kind="stable")[::-1]:
        fold_of_query[query] = sizes.argmin()
        sizes[sizes.argmin()] += labels[query]
    return fold_of_query[queries]


def _paired_difference(
    candidate: Candidate, other: Candidate, labelled: LabelledOutputs
) -> tuple[float, float]:
    """Return by how much ``candidate`` is worse in RPS, with its standard error over queries."""
    weights = labelled.weights / labelled.weights.sum()
    difference = candidate.scores - other.scores
    mean = float(weights @ difference)
    by_query = np.bincount(labelled.queries, weights * (difference - mean))
    count = len(by_query)
    return mean, float(np.sqrt((by_query**2).sum() * count / max(1, count - 1)))


def ranked_probability_scores(
    chances: NDArray[np.float64], grades: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the ranked probability score of every forecast, 0 (perfect) to 4.

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
    """Return the median of every distribution, 1 to 5: the forecast with the least mean error.

    (Gneiting, Journal of the American Statistical Association 106, 2011.)
    """
    half = 0.5 - 1e-9
    return np.asarray((np.cumsum(chances, axis=1) < half).sum(axis=1) + 1)


def expected_grades(chances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of every distribution, 1 to 5."""
    return chances @ GRADE_VALUES
