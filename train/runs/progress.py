"""What a run is doing: its status, progress and curves, read from its ``events.jsonl``.

``read_run`` is the one reader; ``RunReader`` reads on from where it stopped, so that watching a run
costs only its new events. Beside the events only the worker's lock counts: it distinguishes a
worker at work from one that was killed.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from core.files import is_locked
from train.config import read_config
from train.runs.events import (
    Checkpointed,
    Ended,
    Evaluated,
    Evaluating,
    EventFollower,
    Launched,
    Started,
    Stepped,
    Stopping,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from train.config import RunConfig
    from train.runs.events import RunEvent
    from train.runs.folder import RunFolder

_LOG_BYTES: Final = 16_384
_LOG_LINES: Final = 40

#: (step, value) along a run, in order.
Points = tuple[tuple[int, float], ...]


class RunStatus(StrEnum):
    """What a run is doing."""

    #: Prepared; no worker was started yet.
    WAITING = "waiting"
    #: A worker is at work.
    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    #: The worker is gone and left no end event: it was killed, or the machine went down.
    DIED = "died"

    @property
    def going(self) -> bool:
        """Whether a worker is at work."""
        return self is RunStatus.RUNNING

    @property
    def resumable(self) -> bool:
        """Whether a worker can go on with it, or begin."""
        return self not in {RunStatus.RUNNING, RunStatus.FINISHED}


@dataclass(frozen=True, slots=True)
class RunProgress:
    """What a run's events say so far.

    Args:
        launched: whether a worker was ever started.
        started: its last start; None before the first.
        stepped: its last step.
        ended: how its last worker ended; None while that is at work, or when it was killed.
        evaluating: how far the held-out evaluation under way is; None while there is none.
        stopping: whether the worker at work was asked to stop and has heard it.
        checkpoint: the last whole checkpoint.
        best: the held-out evaluation with the highest metric.
        loss: (step, mean loss); in a long run, means over several steps.
        metric: (step, nDCG@10) of the held-out evaluations.
        rate: (step, learning rate).
        seconds: how long its workers took, all together, but for those that were killed.
    """

    launched: bool = False
    started: Started | None = None
    stepped: Stepped | None = None
    ended: Ended | None = None
    evaluating: Evaluating | None = None
    stopping: bool = False
    checkpoint: Checkpointed | None = None
    best: Evaluated | None = None
    loss: Points = ()
    metric: Points = ()
    rate: Points = ()
    seconds: float = 0.0

    @property
    def step(self) -> int:
        """The last step taken; 0 before the first."""
        return max((event.step for event in (self.stepped, self.started) if event), default=0)

    @property
    def steps(self) -> int:
        """The number of steps to take; 0 before the start."""
        known = self.stepped or self.started
        return known.steps if known is not None else 0


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as it is at one moment.

    ``position`` is the number of bytes of events that were read; ``log`` are the last lines of its
    log, not yet safe to show.
    """

    folder: RunFolder
    config: RunConfig
    status: RunStatus
    progress: RunProgress
    position: int
    log: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The run's name."""
        return self.folder.path.name


def read_run(folder: RunFolder) -> RunView:
    """Read a run: its status, progress and curves.

    Raises:
        InputError: the folder is no run's, or its settings or events cannot be read.
    """
    return RunReader(folder).read()


class RunReader:
    """Reads a run again and again, only what is new of its events; not thread-safe.

    Args:
        folder: the run's folder.
        lines: how many lines of the log a view has.

    Raises:
        InputError: the folder is no run's, or its settings cannot be read.
    """

    def __init__(self, folder: RunFolder, lines: int = _LOG_LINES) -> None:
        self.folder = folder
        self.config = read_config(folder.config)
        self._lines = lines
        self._start_over()

    def read(self) -> RunView:
        """Read what is new and return the run as it is.

        Raises:
            InputError: the events cannot be read.
        """
        view = self._read()
        # A worker may have been started, or have ended, between the two things that were read.
        return self._read() if view.status is RunStatus.DIED else view

    def _read(self) -> RunView:
        working = is_locked(self.folder.lock)
        if self._events.was_replaced():
            self._start_over()
        self._tracker.add(timed.event for timed in self._events.new_events())
        progress = self._tracker.progress()
        status = _status(progress, working=working)
        log = last_lines(self.folder, self._lines)
        return RunView(self.folder, self.config, status, progress, self._events.position, log)

    def _start_over(self) -> None:
        self._events = EventFollower(self.folder.events)
        self._tracker = ProgressTracker()


def _status(progress: RunProgress, *, working: bool) -> RunStatus:
    if progress.ended is not None:
        return RunStatus(progress.ended.status.value)
    if working:
        return RunStatus.RUNNING
    return RunStatus.DIED if progress.launched else RunStatus.WAITING


def last_lines(folder: RunFolder, count: int) -> tuple[str, ...]:
    """Return the last lines of a run's log, as they are: not safe to show yet."""
    try:
        with folder.log.open("rb") as file:
            end = file.seek(0, 2)
            file.seek(max(0, end - _LOG_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ()
    # A library's progress bar rewrites its line: only its last state is kept.
    lines = [line.rsplit("\r", 1)[-1].rstrip() for line in text.split("\n")]
    return tuple(deque((line for line in lines if line), maxlen=count))


class ProgressTracker:
    """Sums events up; a run of any length costs the same to keep."""

    def __init__(self) -> None:
        self._latest = RunProgress()
        self._loss, self._metric, self._rate = Curve(), Curve(), Curve()

    def add(self, events: Iterable[RunEvent]) -> None:
        """Take events, in their order."""
        for event in events:
            self._latest = replace(self._latest, **self._changes(event))

    def progress(self) -> RunProgress:
        """Return where the run is."""
        return replace(
            self._latest,
            loss=self._loss.points(),
            metric=self._metric.points(),
            rate=self._rate.points(),
        )

    def _changes(self, event: RunEvent) -> dict[str, Any]:
        """Return the fields of the progress that an event changes."""
        latest = self._latest
        match event:
            case Launched():
                return _AT_START | {"launched": True}
            case Started():
                return _AT_START | {"launched": True, "started": event} | self._back_at(event.step)
            case Stepped():
                self._loss.add(event.step, event.loss)
                self._rate.add(event.step, event.rate)
                changes: dict[str, Any] = {"stepped": event, "evaluating": None}
            case Evaluating():
                changes = {"evaluating": event}
            case Evaluated():
                self._metric.add(event.step, event.value)
                better = latest.best is None or event.value > latest.best.value
                changes = {"best": event if better else latest.best, "evaluating": None}
            case Checkpointed():
                changes = {"checkpoint": event}
            case Stopping():
                changes = {"stopping": True}
            case Ended():
                changes = _AT_START | {"ended": event, "seconds": latest.seconds + event.seconds}
        return changes

    def _back_at(self, step: int) -> dict[str, Any]:
        """Go back to an earlier step: a resumed run takes those after it again."""
        for curve in (self._loss, self._metric, self._rate):
            curve.cut_after(step)
        stepped, best = self._latest.stepped, self._latest.best
        if stepped is not None and stepped.step > step:
            stepped = None
        if best is not None and best.step > step:
            name = best.metric
            kept = (Evaluated(at, name, value, best=True) for at, value in self._metric.points())
            best = max(kept, key=lambda evaluated: evaluated.value, default=None)
        return {"stepped": stepped, "best": best}


#: What is not so, or not so yet, of a worker that has just been started.
_AT_START: Final[dict[str, Any]] = {"ended": None, "evaluating": None, "stopping": False}


class Curve:
    """Means over equal stretches of steps.

    A stretch is one step long until there are more than ``limit`` of them; then neighbours are
    joined and it is twice as long. So a run of any length costs the same to keep and to draw.
    """

    def __init__(self, limit: int = 1024) -> None:
        self._limit = limit
        self._stretch = 1
        self._points: list[tuple[int, float, int]] = []  # last step, sum, count

    def add(self, step: int, value: float) -> None:
        """Add the value of a step; steps ascend."""
        if self._points and step // self._stretch == self._points[-1][0] // self._stretch:
            _, total, count = self._points[-1]
            self._points[-1] = (step, total + value, count + 1)
        else:
            self._points.append((step, value, 1))
            if len(self._points) > self._limit:
                self._join()

    def cut_after(self, step: int) -> None:
        """Remove the values after a step: a resumed run takes those steps again."""
        while self._points and self._points[-1][0] > step:
            self._points.pop()

    def points(self) -> Points:
        """Return (last step, mean value) of each stretch, in order."""
        return tuple((step, total / count) for step, total, count in self._points)

    def _join(self) -> None:
        self._stretch *= 2
        joined: list[tuple[int, float, int]] = []
        for step, total, count in self._points:
            if joined and joined[-1][0] // self._stretch == step // self._stretch:
                _, earlier, number = joined[-1]
                joined[-1] = (step, earlier + total, number + count)
            else:
                joined.append((step, total, count))
        self._points = joined
