"""The fit in a process of its own is the same fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from core.errors import CancelledError
from core.jobs import Job
from labels.calibration.choosing import fits
from labels.calibration.fitting import fit_calibration
from labels.calibration.methods import model_of
from labels.calibration.outputs import LabelledOutputs, judge_outputs
from labels.calibration.worker import fit_apart

if TYPE_CHECKING:
    from labels.calibration.outputs import JudgeOutputs


def labelled(count: int = 40, judges: int = 2) -> tuple[LabelledOutputs, JudgeOutputs]:
    chance = np.random.default_rng(3)
    grades = chance.integers(1, 6, count)
    scores = np.clip(grades[:, None] + chance.integers(-1, 2, (count, judges)), 1, 5).astype(
        np.float64
    )
    outputs = judge_outputs(scores)
    return LabelledOutputs(outputs, grades, np.ones(count), np.arange(count) // 4), outputs


def test_another_process_gives_the_same_fit() -> None:
    given, outputs = labelled()
    draws = np.linspace(0, 0.99, len(given))
    apart = fit_apart(given, draws, Job())
    here = fit_calibration(given, draws)
    assert (apart.method, apart.threshold, apart.held_out) == (
        here.method,
        here.threshold,
        here.held_out,
    )
    assert apart.tried == here.tried
    assert np.allclose(apart.predict(outputs, draws).chances, here.predict(outputs, draws).chances)


def test_labels_that_fit_no_pipe_get_there() -> None:
    given, _ = labelled(400, judges=8)
    assert given.outputs.chances.nbytes > 1 << 16
    draws = np.zeros(len(given))
    assert fit_apart(given, draws, Job()).threshold == fit_calibration(given, draws).threshold


def test_a_cancelled_fit_ends() -> None:
    given, _ = labelled()
    with pytest.raises(CancelledError):
        fit_apart(given, np.zeros(len(given)), Job(cancelled=lambda: True))


def test_every_model_comes_back_from_its_parameters() -> None:
    given, outputs = labelled()
    for method, fit in fits():
        model = fit(given.outputs, given.grades, given.weights)
        again = model_of(method, model.parameters())
        assert np.array_equal(again.predict(outputs), model.predict(outputs))
