"""Learn from the labels, grade every judged pair, write it down."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from core.identity import event_id
from core.store import utc_now
from labels.agreement.query_bootstrap import estimate, resampled_sums
from labels.calibration.calibration_store import add_calibration
from labels.calibration.fitting import FittedCalibration, fit_calibration
from labels.calibration.fitting_process import fit_apart
from labels.calibration.grading import drop_other_grades, grade_all
from labels.calibration.labelled_outputs import learning_material
from labels.calibration.records import Calibration, CalibrationOutcome, JudgeEffect
from labels.calibration.scoring import median_grades, ranked_probability_scores

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from core.records import Judge, Progress
    from core.store import Store
    from labels.calibration.choosing import LabelledOutputs


def calibrate(
    store: Store,
    *,
    apart: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> CalibrationOutcome:
    """Fit a calibration on all labels and write every judged pair's grade.

    The calibration before stays the current one until all of that is done. Meant for a worker
    thread; other threads may write meanwhile.

    Args:
        store: the store.
        apart: whether to fit in a process of its own, for a program that must answer to keys
            meanwhile.
        progress: gets how far it is.
        cancelled: asked now and then whether to stop.

    Raises:
        CancelledError: ``cancelled`` said so; nothing has changed.
    """
    material = learning_material(store)
    labelled = material.labelled
    if labelled is None:
        return CalibrationOutcome(None, material.reason, material.notices)
    if apart:
        fitted = fit_apart(labelled, material.draws, cancelled)
    else:
        fitted = fit_calibration(labelled, material.draws)
    identifier = event_id()
    graded = grade_all(
        store, identifier, material.judges, fitted, progress=progress, cancelled=cancelled
    )
    calibration = Calibration(
        id=identifier,
        made=utc_now(),
        method=fitted.method,
        labels=len(labelled),
        pairs=material.pairs,
        queries=int(labelled.queries.max()) + 1,
        judges=_effects(material.judges, labelled, fitted),
        held_out=fitted.held_out,
        tried=fitted.tried,
        parameters=json.dumps(
            {
                "model": fitted.model.parameters(),
                "judges": [str(judge.id) for judge in material.judges],
                "set_threshold": fitted.most if np.isfinite(fitted.most) else None,
            }
        ),
        graded=graded,
    )
    add_calibration(store, calibration)
    drop_other_grades(store, identifier)
    return CalibrationOutcome(calibration, notices=material.notices)


def _effects(
    judges: Sequence[Judge], labelled: LabelledOutputs, fitted: FittedCalibration
) -> tuple[JudgeEffect, ...]:
    """Return each judge's own RPS and MAE beside the calibration's on the same labels."""
    found = []
    for place, judge in enumerate(judges):
        ruled = ~np.isnan(labelled.outputs.scores[:, place])
        part = labelled.of(ruled)
        losses = _losses(labelled.outputs.judge(place).mean_chances, part.grades, "raw")
        losses |= _losses(fitted.chances[ruled], part.grades, "calibrated")
        share = part.weights / part.weights.sum()
        figures = {name: float(share @ loss) for name, loss in losses.items()}
        for name in ("rps", "mae"):
            losses[f"{name}_gain"] = losses[f"{name}_raw"] - losses[f"{name}_calibrated"]
        intervals = _intervals(part, losses)
        found.append(JudgeEffect(judge.id, judge.name, len(part), **figures, intervals=intervals))
    return tuple(found)


def _losses(
    chances: NDArray[np.float64], grades: NDArray[np.int64], which: str
) -> dict[str, NDArray[np.float64]]:
    return {
        f"rps_{which}": ranked_probability_scores(chances, grades),
        f"mae_{which}": np.abs(median_grades(chances) - grades).astype(np.float64),
    }


def _intervals(
    labelled: LabelledOutputs, losses: Mapping[str, NDArray[np.float64]]
) -> dict[str, tuple[float, float]]:
    """Return the interval over queries of each weighted mean loss, of those that have one."""
    queries = np.unique(labelled.queries, return_inverse=True)[1]
    columns = [*losses.values(), np.ones(len(labelled))]
    by_query = [np.bincount(queries, labelled.weights * one) for one in columns]
    sums = np.column_stack(by_query).astype(np.float64)
    resampled = resampled_sums(sums)
    found = {}
    for place, name in enumerate(losses):
        told = estimate(partial(_mean_of, place), sums, resampled)
        if told.low is not None and told.high is not None:
            found[name] = (told.low, told.high)
    return found


def _mean_of(place: int, sums: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(sums[:, place] / sums[:, -1])
