"""The process that trains: ``python -m train.worker RUN_DIR [LOCK]``.

LOCK is the number of an open file that holds the run's lock (see ``train.runs.process``); without
it the worker takes the lock itself.

Its stdout is the event stream, which is also kept in the run's ``events.jsonl``; whatever else it
or its libraries print goes to stderr. Ctrl-c and SIGTERM let it finish the step, write a checkpoint
and end as ``stopped``; a second one ends it at once. A closed terminal does not end it.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from core.encoder.mlx_runtime import require_mlx
from core.errors import CancelledError, RejudgeError
from core.jobs import Job
from train.config import read_config
from train.memory import keep_freed_memory
from train.runs.events import (
    Ended,
    EndStatus,
    EventWriter,
    Launched,
    Stepped,
    Stopping,
    as_continued,
    read_events,
)
from train.runs.folder import RunFolder
from train.runs.process import take_lock, write_pid

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

FAILED = 2


def main(arguments: list[str]) -> int:
    """Train the run of a folder and return the exit status: 0, or 2 when the run failed."""
    if len(arguments) not in {1, 2}:
        print("usage: python -m train.worker RUN_DIR [LOCK]", file=sys.stderr)
        return FAILED
    stop = StopFlag()
    stop.listen()
    stream = own_stream()
    folder = RunFolder(Path(arguments[0]))
    try:
        if int(os.environ.get("MLX_RANK", "0")):
            return _train(folder, None, stop)
        held = int(arguments[1]) if len(arguments) > 1 else take_lock(folder)
        os.set_inheritable(held, False)
        write_pid(held, os.getpid())
        writer = EventWriter(folder.events, stream)
        try:
            if len(arguments) == 1:
                writer.write(Launched(os.getpid()))
            stop.report_to(lambda: writer.write(Stopping()))
            return _train(folder, writer, stop)
        finally:
            writer.close()
            os.close(held)
    except (RejudgeError, OSError) as error:
        print(f"rejudge: {error}", file=sys.stderr)
        return FAILED


def own_stream() -> int:
    """Return a descriptor of stdout that libraries do not know; what they print goes to stderr."""
    stream = os.dup(1)
    os.dup2(2, 1)
    return stream


class StopFlag:
    """Whether the run was asked to stop.

    A thread reads the signals too: Python's own handler runs only between two instructions, so not
    while MLX compiles or takes a long step. The thread reports the first request at once, and ends
    the process at a second one.
    """

    def __init__(self) -> None:
        self._asked = False
        self._report: Callable[[], None] = lambda: None

    def __call__(self) -> bool:
        """Return it."""
        return self._asked

    def listen(self) -> None:
        """Take ctrl-c and SIGTERM as requests to stop, and ignore the end of the terminal."""
        signal.signal(signal.SIGINT, self._ask)
        signal.signal(signal.SIGTERM, self._ask)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing)
        Thread(target=self._hear, args=(reading,), daemon=True).start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])

    def report_to(self, report: Callable[[], None]) -> None:
        """Call ``report`` when the run is asked to stop, or now when it was already."""
        self._report = report
        if self._asked:
            report()

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True

    def _hear(self, reading: int) -> None:
        """Read the signals' numbers: a repeated one ends the process, two different ones do not."""
        heard: set[bytes] = set()
        while (number := os.read(reading, 1)) not in heard:
            self._asked = True
            if not heard:
                with suppress(OSError):
                    self._report()
            heard.add(number)
        os._exit(FAILED)


def _train(folder: RunFolder, writer: EventWriter | None, stop: StopFlag) -> int:
    began = time.monotonic()
    try:
        config = read_config(folder.config)
        require_mlx()
        keep_freed_memory()
        from train.dataset.files import read_training_set
        from train.training import train, write_best_model

        try:
            job = Job(cancelled=stop, work="reading the training set")
            training_set, _ = read_training_set(folder.training_set, job)
            train(config, training_set, folder, writer.write if writer else lambda _: None, stop)
        except CancelledError:
            # Stopped while it prepared: the run is where its last checkpoint has it.
            if writer is not None:
                if not folder.model.is_dir():
                    write_best_model(folder, config)
                reason, seconds = "It was asked to stop.", time.monotonic() - began
                writer.write(_ended(folder, EndStatus.STOPPED, reason, "", seconds))
    except RejudgeError as error:
        if writer is None:
            raise
        print(f"rejudge: {error}", file=sys.stderr)
        seconds = time.monotonic() - began
        writer.write(_ended(folder, EndStatus.FAILED, error.headline, error.todo, seconds))
        return FAILED
    except Exception as error:
        # A bug: the traceback goes to the log, and the run ends as failed.
        if writer is not None:
            reason = f"an unexpected {type(error).__name__}: {error}"
            todo = f"Its log has the details: {folder.log}"
            seconds = time.monotonic() - began
            writer.write(_ended(folder, EndStatus.FAILED, reason, todo, seconds))
        raise
    return 0


def _ended(folder: RunFolder, status: EndStatus, reason: str, todo: str, seconds: float) -> Ended:
    events = as_continued(read_events(folder.events))
    steps = [timed.event.step for timed in events if isinstance(timed.event, Stepped)]
    return Ended(status, steps[-1] if steps else 0, seconds, reason, todo)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
