"""Fit a calibration on labels, with its held-out accuracy."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.stats import bootstrap_estimate, bootstrap_totals
from labels.calibration.choosing import (
    choose,
    cross_validate,
    expected_grades,
    fit_labelled,
    median_grades,
    query_folds,
)
from labels.calibration.conformal import (
    crossfitted_coverage,
    prediction_sets,
    scores_of_grades,
    set_threshold,
)
from labels.calibration.outputs import LabelledOutputs
from labels.calibration.store import HeldOut, Method

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from labels.calibration.choosing import Candidate
    from labels.calibration.methods import Model
    from labels.calibration.outputs import JudgeOutputs


@dataclass(frozen=True, slots=True)
class Predicted:
    """P(grade) of pairs, their expected grades, and the ends of their 90% sets."""

    chances: NDArray[np.float64]
    expected: NDArray[np.float64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FittedCalibration:
    """A model fitted on all labels, with its held-out accuracy.

    Attributes:
        method: the method chosen.
        model: fitted on all labels.
        threshold: of the prediction sets.
        chances: held-out predictions of the labels by this method, shape (n, 5).
        held_out: how accurate they are.
        tried: RPS of every method.
    """

    method: Method
    model: Model
    threshold: float
    chances: NDArray[np.float64]
    held_out: HeldOut
    tried: tuple[tuple[Method, float], ...]

    def predict(self, outputs: JudgeOutputs, draws: NDArray[np.float64]) -> Predicted:
        """Return the calibrated grades of pairs.

        Args:
            outputs: rulings on n pairs.
            draws: shape (n,), uniform in [0, 1), from the pairs' ids.
        """
        chances = self.model.predict(outputs)
        low, high = prediction_sets(chances, draws, self.threshold)
        return Predicted(chances, expected_grades(chances), low, high)


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold NumPy's and SciPy's BLAS to one thread.

    On small matrices threads wait for each other: on two busy cores a fit took 10 to 30 times as
    long without.
    """
    # SciPy has a BLAS of its own; loaded later, it would not be held.
    import scipy.linalg  # noqa: F401
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):
        yield


@one_thread()
def fit_calibration(labelled: LabelledOutputs, draws: NDArray[np.float64]) -> FittedCalibration:
    """Choose a method, fit it on all labels, and measure it on held-out labels.

    Args:
        labelled: labels of two queries at least; weights may have any sum.
        draws: a number per label, uniform in [0, 1).
    """
    weights = labelled.weights
    scaled = weights * weights.sum() / (weights**2).sum()
    labelled = LabelledOutputs(labelled.outputs, labelled.grades, scaled, labelled.queries)
    candidates = cross_validate(labelled)
    chosen = choose(candidates, labelled)
    scores = scores_of_grades(chosen.held_out, labelled.grades, draws)
    folds = query_folds(labelled.queries)
    coverage = crossfitted_coverage(labelled, chosen.held_out, draws, folds)
    best: dict[Method, float] = {}
    for candidate in candidates:
        loss = candidate.loss(labelled.weights)
        best[candidate.method] = min(loss, best.get(candidate.method, loss))
    return FittedCalibration(
        method=chosen.method,
        model=fit_labelled(chosen.fit, labelled),
        threshold=set_threshold(scores, labelled.weights),
        chances=chosen.held_out,
        held_out=_held_out(candidates[0], chosen, labelled, coverage),
        tried=tuple(best.items()),
    )


def _held_out(
    raw: Candidate, chosen: Candidate, labelled: LabelledOutputs, coverage: float
) -> HeldOut:
    share = labelled.weights / labelled.weights.sum()
    error_raw = expected_grades(raw.held_out) - labelled.grades
    error = expected_grades(chosen.held_out) - labelled.grades
    gained = share * (raw.scores - chosen.scores)
    sums = np.column_stack(
        [np.bincount(labelled.queries, gained), np.bincount(labelled.queries, share)]
    ).astype(np.float64)
    gain = bootstrap_estimate(
        lambda totals: totals[:, 0] / totals[:, 1], sums, bootstrap_totals(sums)
    )
    return HeldOut(
        rps_raw=float(share @ raw.scores),
        rps_calibrated=float(share @ chosen.scores),
        gain=float(gained.sum()),
        gain_low=gain.low,
        gain_high=gain.high,
        mae_raw=float(share @ np.abs(median_grades(raw.held_out) - labelled.grades)),
        mae_calibrated=float(share @ np.abs(median_grades(chosen.held_out) - labelled.grades)),
        rmse_raw=float(np.sqrt(share @ error_raw**2)),
        rmse_calibrated=float(np.sqrt(share @ error**2)),
        coverage=coverage,
    )
