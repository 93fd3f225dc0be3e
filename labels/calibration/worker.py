"""Fit in a child process, so that no key waits for the interpreter's lock.

Labels go in as a NumPy archive on stdin, an unnamed file, and the fit comes out as another on
stdout; nothing is pickled. The child ends with its only input, so it does not outlive the program.
(A pipe would hang: after a timeout, a second ``communicate`` forgets what it had not written yet.)
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import numpy as np

from core.errors import RejudgeError
from core.processes import module_command
from labels.calibration.fitting import FittedCalibration, fit_calibration
from labels.calibration.methods import model_of
from labels.calibration.outputs import JudgeOutputs, LabelledOutputs
from labels.calibration.store import HeldOut, Method

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.jobs import Job


_POLL_SECONDS: Final = 0.1
_NICENESS: Final = 10


def fit_apart(labelled: LabelledOutputs, draws: NDArray[np.float64], job: Job) -> FittedCalibration:
    """Run ``fit_calibration`` in a child process and wait for it.

    Raises:
        CancelledError: the job was cancelled; the child is gone.
        RejudgeError: the child died.
    """
    command = module_command("labels.calibration.worker")
    pipe = subprocess.PIPE
    with tempfile.TemporaryFile() as given:
        given.write(_packed(labelled, draws))
        given.seek(0)
        process = subprocess.Popen(command, stdin=given, stdout=pipe, stderr=pipe)  # noqa: S603
    with process:
        while True:
            if job.cancelled():
                process.kill()
                job.check()
            with suppress(subprocess.TimeoutExpired):
                fitted, said = process.communicate(timeout=_POLL_SECONDS)
                break
    if process.returncode:
        last = said.decode(errors="replace").strip().rpartition("\n")[2]
        raise RejudgeError(
            f"the calibration could not be fitted: {last or process.returncode}",
            todo="Try: rejudge calibrate.",
        )
    return _unpacked(fitted)


def main() -> None:
    """Read labels from stdin, fit, and write the fit to stdout."""
    os.nice(_NICENESS)
    with np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False) as given:
        outputs = JudgeOutputs(given["scores"], given["chances"])
        labelled = LabelledOutputs(outputs, given["grades"], given["weights"], given["queries"])
        draws = given["draws"]
    fitted = fit_calibration(labelled, draws)
    described = {
        "method": fitted.method.value,
        "model": fitted.model.parameters(),
        "held_out": asdict(fitted.held_out),
        "tried": [[method.value, loss] for method, loss in fitted.tried],
    }
    packed = io.BytesIO()
    np.savez(
        packed,
        described=np.array(json.dumps(described)),
        threshold=fitted.threshold,
        chances=fitted.chances,
    )
    sys.stdout.buffer.write(packed.getvalue())


def _packed(labelled: LabelledOutputs, draws: NDArray[np.float64]) -> bytes:
    packed = io.BytesIO()
    np.savez(
        packed,
        scores=labelled.outputs.scores,
        chances=labelled.outputs.chances,
        grades=labelled.grades,
        weights=labelled.weights,
        queries=labelled.queries,
        draws=draws,
    )
    return packed.getvalue()


def _unpacked(packed: bytes) -> FittedCalibration:
    with np.load(io.BytesIO(packed), allow_pickle=False) as archive:
        described = json.loads(str(archive["described"]))
        threshold, chances = float(archive["threshold"]), archive["chances"]
    method = Method(described["method"])
    return FittedCalibration(
        method=method,
        model=model_of(method, described["model"]),
        threshold=threshold,
        chances=chances,
        held_out=HeldOut(**described["held_out"]),
        tried=tuple((Method(name), loss) for name, loss in described["tried"]),
    )


if __name__ == "__main__":
    main()
