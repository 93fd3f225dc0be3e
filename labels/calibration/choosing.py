"""Which method, by cross-validation that keeps each query's labels together.

How good a probability forecast of grades was.

90% prediction sets that hold the grade in 90 of 100 cases, whatever the model.

Grades are taken into the set from the likeliest outwards, so that a set is always a run of
neighbours. How much probability must be taken in is learned from predictions of labels that the
model had not seen (Romano, Sesia and Candes, NeurIPS 2020, adaptive sets; Vovk 2015, cross
conformal). The last grade is taken in with the chance that makes the coverage exact; the draw
comes from the pair's id, so a pair always gets the same set.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from labels.calibration.methods import fit_confusion, fit_identity, fit_isotonic, fit_ordinal
from labels.calibration.outputs import GRADE_VALUES, LEVELS, LabelledOutputs
from labels.calibration.store import Method

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from labels.calibration.methods import Fit, Model


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


MOST_FOLDS: Final = 10
#: The ordinal model's ridges, in labels.
_RIDGES: Final = (1.0, 4.0, 16.0)
#: Of two methods whose difference is less than this many of its standard errors, the simpler.
_TIE: Final = 0.5


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
    """Return the fold of each label; the largest query goes first, into the smallest fold."""
    labels = np.bincount(queries)
    sizes = np.zeros(min(MOST_FOLDS, len(labels)), dtype=np.int64)
    fold_of_query = np.empty(len(labels), dtype=np.int64)
    for query in np.argsort(labels, kind="stable")[::-1]:
        fold_of_query[query] = sizes.argmin()
        sizes[sizes.argmin()] += labels[query]
    return fold_of_query[queries]


COVERAGE: Final = 0.9


def conformity_scores(
    chances: NDArray[np.float64], draws: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return, for each pair and grade, the probability taken in when the set reaches the grade.

    Args:
        chances: shape (n, 5).
        draws: shape (n,), uniform in [0, 1): how much of the grade's own probability counts.

    Returns:
        Shape (n, 5); the set of a pair is the grades whose value is at most the threshold.
    """
    order = _inner_first(chances)
    taken = np.take_along_axis(chances, order, axis=1)
    before = np.cumsum(taken, axis=1) - taken
    scores = np.empty_like(chances)
    np.put_along_axis(scores, order, before + draws[:, None] * taken, axis=1)
    return scores


def threshold(
    scores: NDArray[np.float64], weights: NDArray[np.float64], coverage: float = COVERAGE
) -> float:
    """Return the value up to which grades are in the set.

    The weighted quantile with one more label of mean weight at infinity (Tibshirani, Barber,
    Candes and Ramdas, NeurIPS 2019); infinity, and so every grade, when there are too few.

    Args:
        scores: of the grades that people gave, held out.
        weights: of those labels.
        coverage: the share of sets that must hold the grade.
    """
    order = np.argsort(scores)
    reached = np.cumsum(weights[order]) / (weights.sum() + weights.mean())
    place = int(np.searchsorted(reached, coverage - 1e-12))
    return float(scores[order[place]]) if place < len(scores) else float("inf")


def prediction_sets(
    chances: NDArray[np.float64], draws: NDArray[np.float64], most: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the lowest and the highest grade of each set; the likeliest grade is always in it."""
    scores = conformity_scores(chances, draws)
    inside = scores <= most
    inside[np.arange(len(chances)), _inner_first(chances)[:, 0]] = True
    low = inside.argmax(axis=1) + 1
    high = LEVELS - inside[:, ::-1].argmax(axis=1)
    return low, high


def _inner_first(chances: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the grades' places in the order in which a growing run takes them in.

    Each grade ranks by the least probability between it and the likeliest grade, itself included,
    so that whatever lies between comes first.
    """
    mode = chances.argmax(axis=1)
    places = np.arange(LEVELS)
    upward = np.where(places >= mode[:, None], chances, np.inf)
    downward = np.where(places <= mode[:, None], chances, np.inf)
    right = np.minimum.accumulate(upward, axis=1)
    left = np.minimum.accumulate(downward[:, ::-1], axis=1)[:, ::-1]
    least = np.where(places >= mode[:, None], right, left)
    distance = np.abs(places - mode[:, None])
    return np.lexsort((distance, -least), axis=1)
