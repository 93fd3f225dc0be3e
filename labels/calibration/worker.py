"""A fit in a process of its own, so that no key has to wait for the interpreter's lock.

The labels go in as a NumPy archive on stdin, a file without a name, and the fit comes out as
another on stdout; nothing is pickled. The process has one input and ends with it, so that nothing
is left when the program dies. (Through a pipe, labels that do not fit its buffer would wait for
ever: ``communicate`` forgets what it has not written when it is asked again after a timeout.)
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

from core.errors import CancelledError, RejudgeError
from core.processes import module_command
from labels.calibration.fitting import FittedCalibration, fit_calibration
from labels.calibration.methods import model_of
from labels.calibration.outputs import JudgeOutputs, LabelledOutputs
from labels.calibration.store import HeldOut, Method

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


_LOOK_AGAIN: Final = 0.1
_KINDNESS: Final = 10


def fit_apart(
    labelled: LabelledOutputs, draws: NDArray[np.float64], cancelled: Callable[[], bool]
) -> FittedCalibration:
    """Do what ``fit_calibration`` does, in another process, and wait for it.

    Raises:
        CancelledError: ``cancelled`` said so; the process is gone.
        RejudgeError: the process died.
    """
    command = module_command("labels.calibration.worker")
    pipe = subprocess.PIPE
    with tempfile.TemporaryFile() as given:
        given.write(_packed(labelled, draws))
        given.seek(0)
        process = subprocess.Popen(command, stdin=given, stdout=pipe, stderr=pipe)  # noqa: S603
    with process:
        while True:
            if cancelled():
                process.kill()
                raise CancelledError("the calibration was stopped; the one before it stands")
            with suppress(subprocess.TimeoutExpired):
                found, said = process.communicate(timeout=_LOOK_AGAIN)
                break
    if process.returncode:
        last = said.decode(errors="replace").strip().rpartition("\n")[2]
        raise RejudgeError(
            f"the calibration could not be fitted: {last or process.returncode}",
            todo="Try: rejudge calibrate.",
        )
    return _unpacked(found)


def main() -> None:
    """Fit what comes on stdin and write the fit to stdout."""
    os.nice(_KINDNESS)
    with np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False) as given:
        outputs = JudgeOutputs(given["scores"], given["chances"])
        labelled = LabelledOutputs(outputs, given["grades"], given["weights"], given["queries"])
        draws = given["draws"]
    fitted = fit_calibration(labelled, draws)
    told = {
        "method": fitted.method.value,
        "model": fitted.model.parameters(),
        "held_out": asdict(fitted.held_out),
        "tried": [[method.value, loss] for method, loss in fitted.tried],
    }
    packed = io.BytesIO()
    np.savez(packed, told=np.array(json.dumps(told)), most=fitted.most, chances=fitted.chances)
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


def _unpacked(found: bytes) -> FittedCalibration:
    with np.load(io.BytesIO(found), allow_pickle=False) as archive:
        told = json.loads(str(archive["told"]))
        most, chances = float(archive["most"]), archive["chances"]
    method = Method(told["method"])
    return FittedCalibration(
        method=method,
        model=model_of(method, told["model"]),
        most=most,
        chances=chances,
        held_out=HeldOut(**told["held_out"]),
        tried=tuple((Method(name), loss) for name, loss in told["tried"]),
    )


if __name__ == "__main__":
    main()
