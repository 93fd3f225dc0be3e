"""90% prediction sets that hold the grade in 90 of 100 cases, whatever the model.

Grades are taken into the set from the likeliest outwards, so that a set is always a run of
neighbours. How much probability must be taken in is learned from predictions of labels that the
model had not seen (Romano, Sesia and Candes, NeurIPS 2020, adaptive sets; Vovk 2015, cross
conformal). The last grade is taken in with the chance that makes the coverage exact; the draw
comes from the pair's id, so a pair always gets the same set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from labels.calibration.judge_outputs import LEVELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
