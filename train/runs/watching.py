"""Looking at a run again and again: only what is new of its events is read."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from train.config import read_config
from train.runs.events import RunProgress, RunTally, parse_event
from train.runs.process import RunStatus, run_status

if TYPE_CHECKING:
    from train.config import RunConfig
    from train.runs.folder import RunFolder


_LOG_BYTES: Final = 16_384


@dataclass(frozen=True, slots=True)
class RunLook:
    """A run as one look at its folder shows it.

    ``told`` is how many bytes of events were read; ``log`` are the last lines of its log.
    """

    folder: RunFolder
    config: RunConfig
    status: RunStatus
    progress: RunProgress
    told: int
    log: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The run's name."""
        return self.folder.path.name


class RunWatch:
    """Reads on in the events of one run. Use it from one thread at a time.

    Args:
        folder: the run's folder.
        lines: how many lines of the log a look has.

    Raises:
        InputError: the folder is no run's, or its settings cannot be read.
    """

    def __init__(self, folder: RunFolder, lines: int = 40) -> None:
        self.folder = folder
        self.config = read_config(folder.config)
        self._lines = lines
        self._start_over()

    def look(self) -> RunLook:
        """Read what is new."""
        self._read()
        status = run_status(self.folder, self._tally.progress(), self._told)
        if status is RunStatus.DIED and self._read():
            # It may have said its last word between the two looks.
            status = run_status(self.folder, self._tally.progress(), self._told)
        return RunLook(
            self.folder,
            self.config,
            status,
            self._tally.progress(),
            self._told,
            last_lines(self.folder, self._lines),
        )

    def _start_over(self) -> None:
        self._tally = RunTally()
        self._told = 0

    def _read(self) -> bool:
        """Read the whole lines that are new; return whether there were any."""
        try:
            with self.folder.events.open("rb") as file:
                if file.seek(0, 2) < self._told:
                    self._start_over()
                file.seek(self._told)
                text = file.read()
        except OSError:
            return False
        whole = text[: text.rfind(b"\n") + 1]
        lines = whole.decode(errors="replace").split("\n")
        self._tally.add(timed.event for line in lines if (timed := parse_event(line)) is not None)
        self._told += len(whole)
        return bool(whole)


def last_lines(folder: RunFolder, count: int) -> tuple[str, ...]:
    """Return the last lines of a run's log, as they are: not safe to show yet."""
    try:
        with folder.log.open("rb") as file:
            end = file.seek(0, 2)
            file.seek(max(0, end - _LOG_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ()
    # A progress bar of a library rewrites its line: what stands last is what is seen.
    lines = [line.rsplit("\r", 1)[-1].rstrip() for line in text.split("\n")]
    return tuple(deque((line for line in lines if line), maxlen=count))
