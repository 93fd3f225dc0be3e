"""Calibrate a workspace: learn from its labels, grade every judged pair, store the result."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from core.ids import event_id, utc_now
from core.jobs import Job
from core.stats import bootstrap_estimate, bootstrap_totals
from labels.calibration.choosing import median_grades, ranked_probability_scores
from labels.calibration.fitting import FittedCalibration, fit_calibration
from labels.calibration.grading import drop_other_grades, grade_all
from labels.calibration.material import learning_material
from labels.calibration.store import Calibration, CalibrationOutcome, JudgeEffect, add_calibration
from labels.calibration.worker import fit_apart

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from core.records import Judge
    from core.store.database import Store
    from labels.calibration.outputs import LabelledOutputs

_UNWATCHED: Final = Job()


def calibrate(store: Store, job: Job = _UNWATCHED, *, apart: bool = False) -> CalibrationOutcome:
    """Fit a calibration on all labels and write every judged pair's grade.

    The previous calibration stays current until all grades are written. Call it in a worker
    thread; other threads may write meanwhile.

    Args:
        store: the store.
        job: receives progress; its cancellation is polled.
        apart: fit in a child process, so that a program stays responsive to keys.

    Raises:
        CancelledError: the job was cancelled; nothing has changed.
    """
    job = job.named("the calibration", "The previous calibration is kept.")
    material = learning_material(store)
    labelled = material.labelled
    if labelled is None:
        return CalibrationOutcome(None, material.reason, material.notices)
    if apart:
        fitted = fit_apart(labelled, material.draws, job)
    else:
        fitted = fit_calibration(labelled, material.draws)
    identifier = event_id()
    graded = grade_all(store, identifier, material.judges, fitted, job)
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
                "set_threshold": fitted.threshold if np.isfinite(fitted.threshold) else None,
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
    """Return every judge's own RPS and MAE and the calibration's on the same labels."""
    effects = []
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
        effects.append(JudgeEffect(judge.id, judge.name, len(part), **figures, intervals=intervals))
    return tuple(effects)


def _losses(
    chances: NDArray[np.float64], grades: NDArray[np.int64], side: str
) -> dict[str, NDArray[np.float64]]:
    return {
        f"rps_{side}": ranked_probability_scores(chances, grades),
        f"mae_{side}": np.abs(median_grades(chances) - grades).astype(np.float64),
    }


def _intervals(
    labelled: LabelledOutputs, losses: Mapping[str, NDArray[np.float64]]
) -> dict[str, tuple[float, float]]:
    """Return the interval over queries of every weighted mean loss that has one."""
    queries = np.unique(labelled.queries, return_inverse=True)[1]
    columns = [*losses.values(), np.ones(len(labelled))]
    by_query = [np.bincount(queries, labelled.weights * column) for column in columns]
    sums = np.column_stack(by_query).astype(np.float64)
    totals = bootstrap_totals(sums)
    intervals = {}
    for column, name in enumerate(losses):
        mean = bootstrap_estimate(partial(_mean_of, column), sums, totals)
        if mean.low is not None and mean.high is not None:
            intervals[name] = (mean.low, mean.high)
    return intervals


def _mean_of(column: int, sums: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(sums[:, column] / sums[:, -1])
