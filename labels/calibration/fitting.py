"""From labels to a fitted calibration, with the figures that say how good it is.

One thread for linear algebra: on small matrices threads only wait for each other.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.stats import estimate, resampled_sums
from labels.calibration.choosing import (
    Candidate,
    candidates,
    choose,
    conformity_scores,
    expected_grades,
    fitted,
    median_grades,
    prediction_sets,
    threshold,
)
from labels.calibration.outputs import LabelledOutputs
from labels.calibration.store import HeldOut, Method

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from labels.calibration.methods import Model
    from labels.calibration.outputs import JudgeOutputs


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold NumPy's and SciPy's BLAS to one thread.

    On two busy cores a fit took ten to thirty times as long without.
    """
    # SciPy brings a BLAS of its own, and one that is loaded later would not be held.
    import scipy.linalg  # noqa: F401
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):
        yield


@dataclass(frozen=True, slots=True)
class Predicted:
    """P(grade) of some pairs, their expected grades, and the ends of their 90% sets."""

    chances: NDArray[np.float64]
    expected: NDArray[np.float64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FittedCalibration:
    """A model fitted on all labels, the threshold of its sets, and how it did when held out.

    ``chances`` are the chosen method's held-out predictions of each label.
    """

    method: Method
    model: Model
    most: float
    chances: NDArray[np.float64]
    held_out: HeldOut
    tried: tuple[tuple[Method, float], ...]

    def predict(self, outputs: JudgeOutputs, draws: NDArray[np.float64]) -> Predicted:
        """Return what the calibration says of pairs.

        Args:
            outputs: what the judges said of n pairs.
            draws: shape (n,), uniform in [0, 1), from each pair's id.
        """
        chances = self.model.predict(outputs)
        low, high = prediction_sets(chances, draws, self.most)
        return Predicted(chances, expected_grades(chances), low, high)


@one_thread()
def fit_calibration(labelled: LabelledOutputs, draws: NDArray[np.float64]) -> FittedCalibration:
    """Choose a method, fit it on all labels, and measure it on labels held out.

    Args:
        labelled: labels of two queries at least; the weights may have any sum.
        draws: one for each label, uniform in [0, 1).
    """
    weights = labelled.weights
    scaled = weights * weights.sum() / (weights**2).sum()
    labelled = LabelledOutputs(labelled.outputs, labelled.grades, scaled, labelled.queries)
    tried = candidates(labelled)
    chosen = choose(tried, labelled)
    reached = conformity_scores(chosen.held_out, draws)
    of_grade = reached[np.arange(len(labelled)), labelled.grades - 1]
    most = threshold(of_grade, labelled.weights)
    best: dict[Method, float] = {}
    for one in tried:
        loss = one.loss(labelled.weights)
        best[one.method] = min(loss, best.get(one.method, loss))
    return FittedCalibration(
        method=chosen.method,
        model=fitted(chosen, labelled),
        most=most,
        chances=chosen.held_out,
        held_out=_held_out(tried[0], chosen, labelled, of_grade <= most),
        tried=tuple(best.items()),
    )


def _held_out(
    raw: Candidate, chosen: Candidate, labelled: LabelledOutputs, covered: NDArray[np.bool_]
) -> HeldOut:
    share = labelled.weights / labelled.weights.sum()
    away_raw = expected_grades(raw.held_out) - labelled.grades
    away = expected_grades(chosen.held_out) - labelled.grades
    gained = share * (raw.scores - chosen.scores)
    sums = np.column_stack(
        [np.bincount(labelled.queries, gained), np.bincount(labelled.queries, share)]
    ).astype(np.float64)
    gain = estimate(lambda totals: totals[:, 0] / totals[:, 1], sums, resampled_sums(sums))
    return HeldOut(
        rps_raw=float(share @ raw.scores),
        rps_calibrated=float(share @ chosen.scores),
        gain=float(gained.sum()),
        gain_low=gain.low,
        gain_high=gain.high,
        mae_raw=float(share @ np.abs(median_grades(raw.held_out) - labelled.grades)),
        mae_calibrated=float(share @ np.abs(median_grades(chosen.held_out) - labelled.grades)),
        rmse_raw=float(np.sqrt(share @ away_raw**2)),
        rmse_calibrated=float(np.sqrt(share @ away**2)),
        coverage=float(share @ covered),
    )
