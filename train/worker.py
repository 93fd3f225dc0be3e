"""The process that trains: ``python -m train.worker RUN_DIR``.

Its stdout is the event stream, which is also kept in the run's ``events.jsonl``; whatever else it
or its libraries print goes to stderr. Ctrl-c and SIGTERM let it finish the step, write a checkpoint
and end as ``stopped``; a second one ends it at once. It goes on when its terminal closes.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from core.encoder.mlx_runtime import require_mlx
from core.errors import RejudgeError
from train.base import keep_freed_memory
from train.config import read_config
from train.runs.events import Ended, EndStatus, EventWriter, Stepped, as_continued, read_events
from train.runs.folder import RunFolder
from train.runs.process import RunLock

if TYPE_CHECKING:
    from types import FrameType

FAILED = 2


def main(arguments: list[str]) -> int:
    """Train what a folder says and return the exit status: 0, or 2 when the run failed."""
    if len(arguments) != 1:
        print("usage: python -m train.worker RUN_DIR", file=sys.stderr)
        return FAILED
    stream = own_stream()
    folder = RunFolder(Path(arguments[0]))
    stop = StopFlag()
    stop.listen()
    first = int(os.environ.get("MLX_RANK", "0")) == 0
    try:
        if not first:
            return _trained(folder, None, stop)
        with RunLock(folder):
            writer = EventWriter(folder.events, stream)
            try:
                return _trained(folder, writer, stop)
            finally:
                writer.close()
    except (RejudgeError, OSError) as error:
        print(f"rejudge: {error}", file=sys.stderr)
        return FAILED


def own_stream() -> int:
    """Return a descriptor of stdout that no library knows; what they print goes to stderr."""
    stream = os.dup(1)
    os.dup2(2, 1)
    return stream


class StopFlag:
    """Whether the run was asked to stop."""

    def __init__(self) -> None:
        self._asked = False

    def __call__(self) -> bool:
        """Say so."""
        return self._asked

    def listen(self) -> None:
        """Take ctrl-c and SIGTERM as the question, and the end of the terminal as nothing."""
        signal.signal(signal.SIGINT, self._ask)
        signal.signal(signal.SIGTERM, self._ask)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        self._asked = True
        signal.signal(number, signal.SIG_DFL)


def _trained(folder: RunFolder, writer: EventWriter | None, stop: StopFlag) -> int:
    began = time.monotonic()
    try:
        config = read_config(folder.config)
        require_mlx()
        keep_freed_memory()
        from train.dataset.files import read_training_set
        from train.training import train

        training_set, _ = read_training_set(folder.training_set)
        train(config, training_set, folder, writer.write if writer else lambda _: None, stop)
    except RejudgeError as error:
        if writer is None:
            raise
        print(f"rejudge: {error}", file=sys.stderr)
        writer.write(_failed(folder, error.headline, error.todo, time.monotonic() - began))
        return FAILED
    except Exception as error:
        # A fault of the program: the traceback goes to the log, the run is told to have failed.
        if writer is not None:
            reason = f"an unexpected {type(error).__name__}: {error}"
            todo = f"Its log has the details: {folder.log}"
            writer.write(_failed(folder, reason, todo, time.monotonic() - began))
        raise
    return 0


def _failed(folder: RunFolder, reason: str, todo: str, seconds: float) -> Ended:
    told = as_continued(read_events(folder.events))
    steps = [timed.event.step for timed in told if isinstance(timed.event, Stepped)]
    return Ended(EndStatus.FAILED, steps[-1] if steps else 0, seconds, reason, todo)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
