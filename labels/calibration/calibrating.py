"""Learn from the labels, grade every judged pair, write it down."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from core.identity import event_id
from core.store import utc_now
from labels.calibration.calibration_store import add_calibration
from labels.calibration.fitting import FittedCalibration, fit_calibration
from labels.calibration.fitting_process import fit_apart
from labels.calibration.grading import drop_other_grades, grade_all
from labels.calibration.labelled_outputs import learning_material
from labels.calibration.records import Calibration, CalibrationOutcome, JudgeEffect
from labels.calibration.scoring import expected_grades, ranked_probability_scores

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
    from threadpoolctl import threadpool_limits

    material = learning_material(store)
    labelled = material.labelled
    if labelled is None:
        return CalibrationOutcome(None, material.reason, material.notices)
    if apart:
        fitted = fit_apart(labelled, material.draws, cancelled)
    else:
        with threadpool_limits(1, "blas"):  # small matrices: threads only wait for each other
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
        grades = labelled.grades[ruled]
        share = labelled.weights[ruled] / labelled.weights[ruled].sum()
        raw = labelled.outputs.judge(place).mean_chances
        calibrated = fitted.chances[ruled]
        scores = [share @ ranked_probability_scores(one, grades) for one in (raw, calibrated)]
        errors = [share @ np.abs(expected_grades(one) - grades) for one in (raw, calibrated)]
        figures = [float(figure) for figure in (*scores, *errors)]
        found.append(JudgeEffect(judge.id, judge.name, int(ruled.sum()), *figures))
    return tuple(found)
