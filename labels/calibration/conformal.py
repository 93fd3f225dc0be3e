"""90% prediction sets: runs of neighbouring grades that hold the grade in 90 of 100 cases.

Grades enter a set from the likeliest outwards. How much probability has to enter is learned from
predictions of held-out labels, so the coverage holds for any model (Romano, Sesia and Candes,
NeurIPS 2020, adaptive sets; Vovk 2015, cross-conformal). The last grade enters with the chance
that makes the coverage exact; the random number comes from the pair's id, so a pair always gets
the same set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from labels.calibration.outputs import LEVELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labels.calibration.outputs import LabelledOutputs

COVERAGE: Final = 0.9


def prediction_sets(
    chances: NDArray[np.float64], draws: NDArray[np.float64], threshold: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the lowest and the highest grade of every set; the likeliest grade is always in it."""
    inside = conformity_scores(chances, draws) <= threshold
    inside[np.arange(len(chances)), _entry_order(chances)[:, 0]] = True
    low = inside.argmax(axis=1) + 1
    high = LEVELS - inside[:, ::-1].argmax(axis=1)
    return low, high


def conformity_scores(
    chances: NDArray[np.float64], draws: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the probability that has entered the set once it reaches the grade, shape (n, 5).

    A pair's set is the grades with a value up to the threshold.

    Args:
        chances: shape (n, 5).
        draws: shape (n,), uniform in [0, 1): how much of the grade's own probability counts.
    """
    order = _entry_order(chances)
    entered = np.take_along_axis(chances, order, axis=1)
    before = np.cumsum(entered, axis=1) - entered
    scores = np.empty_like(chances)
    np.put_along_axis(scores, order, before + draws[:, None] * entered, axis=1)
    return scores


def scores_of_grades(
    chances: NDArray[np.float64], grades: NDArray[np.int64], draws: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the conformity score of the grade that every label has."""
    return conformity_scores(chances, draws)[np.arange(len(grades)), grades - 1]


def set_threshold(
    scores: NDArray[np.float64], weights: NDArray[np.float64], coverage: float = COVERAGE
) -> float:
    """Return the threshold of sets with the given coverage; infinity if labels are too few.

    It is the weighted quantile with one more label, of mean weight, at infinity (Tibshirani,
    Barber, Candes and Ramdas, NeurIPS 2019).

    Args:
        scores: ``scores_of_grades`` of held-out labels.
        weights: of the labels.
        coverage: the share of sets that must hold the grade.
    """
    order = np.argsort(scores)
    reached = np.cumsum(weights[order]) / (weights.sum() + weights.mean())
    place = int(np.searchsorted(reached, coverage - 1e-12))
    return float(scores[order[place]]) if place < len(scores) else float("inf")


def crossfitted_coverage(
    labelled: LabelledOutputs,
    chances: NDArray[np.float64],
    draws: NDArray[np.float64],
    folds: NDArray[np.int64],
) -> float:
    """Return the weighted share of labels inside sets whose threshold they did not set.

    The threshold of a fold comes from the labels of all other folds (cross-fitting; Barber,
    Candes, Ramdas and Tibshirani, Predictive Inference with the Jackknife+, Annals of Statistics
    49, 2021). On the labels that set it, the coverage would be ceil(0.9 (n + 1)) / n by
    construction.

    Args:
        labelled: the labels.
        chances: held-out predictions of them, shape (n, 5).
        draws: see ``conformity_scores``.
        folds: the fold of every label; a query is in one fold.
    """
    scores = scores_of_grades(chances, labelled.grades, draws)
    covered = np.empty(len(labelled), dtype=bool)
    for fold in np.unique(folds):
        inside = folds == fold
        threshold = set_threshold(scores[~inside], labelled.weights[~inside])
        low, high = prediction_sets(chances[inside], draws[inside], threshold)
        grades = labelled.grades[inside]
        covered[inside] = (low <= grades) & (grades <= high)
    return float(np.average(covered, weights=labelled.weights))


def _entry_order(chances: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the grades' indices in the order in which a growing run takes them in.

    A grade ranks by the least probability between it and the likeliest grade, itself included, so
    that the grades in between come first.
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
