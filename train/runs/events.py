"""What a worker tells of its run: one JSON object a line, in the run's folder and on its stdout.

Every line has ``event`` (the name below) and ``time`` (UTC, ISO 8601), then the fields of the
record. A reader passes over an event or a field that it does not know, and over a last line that
is not finished.

The event stream of a run: written by its worker, read by whoever watches it.

See ``train.runs.events`` for what a line holds.

A long series of numbers, one for each step, kept short enough to be drawn.

How far a run is, as its events tell: read on from where the last look ended.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class EndStatus(StrEnum):
    """How a run ended by itself. One that was killed has no end event: it ``died``."""

    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Started:
    """``start``: the worker is about to take the first step, or the first after a resume."""

    pid: int
    step: int
    steps: int
    queries: int
    documents: int
    pairs: int
    held_out_queries: int
    parameters: int
    trainable: int
    device: str


@dataclass(frozen=True, slots=True)
class Stepped:
    """``step``: one optimizer step was taken.

    ``loss`` is the weighted sum, ``losses`` its parts before weighting; ``rate`` the learning
    rate; ``gradient_norm`` is before clipping; ``memory`` the most bytes used so far.
    """

    step: int
    steps: int
    epoch: float
    loss: float
    losses: dict[str, float]
    rate: float
    gradient_norm: float
    pairs_per_second: float
    seconds_left: float
    memory: int


@dataclass(frozen=True, slots=True)
class Evaluated:
    """``eval``: a look at the held-out queries. ``metric`` is nDCG@10 over their graded pairs."""

    step: int
    metric: str
    value: float
    best: bool


@dataclass(frozen=True, slots=True)
class Checkpointed:
    """``checkpoint``: a checkpoint is whole on disk; ``folder`` is its name."""

    step: int
    folder: str


@dataclass(frozen=True, slots=True)
class Ended:
    """``end``: the last line of a worker.

    ``reason`` is a sentence, empty when it finished; ``todo`` what to do next, if anything.
    """

    status: EndStatus
    step: int
    seconds: float
    reason: str = ""
    todo: str = ""


RunEvent = Started | Stepped | Evaluated | Checkpointed | Ended

_KINDS: Final[dict[str, type[RunEvent]]] = {
    "start": Started,
    "step": Stepped,
    "eval": Evaluated,
    "checkpoint": Checkpointed,
    "end": Ended,
}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}


@dataclass(frozen=True, slots=True)
class TimedEvent:
    """An event and when it happened, naive and in UTC as everywhere."""

    time: datetime
    event: RunEvent


def event_line(event: RunEvent, time: datetime) -> str:
    """Return the line of an event, without its newline; ``time`` is naive and in UTC."""
    head = {"event": _NAMES[type(event)], "time": time.replace(tzinfo=UTC).isoformat()}
    return json.dumps(head | asdict(event), ensure_ascii=False, separators=(",", ":"))


def parse_event(line: str) -> TimedEvent | None:
    """Return the event of a line, None when it is unfinished or of a kind that is not known."""
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, dict):
        return None
    kind = _KINDS.get(str(values.get("event")))
    if kind is None:
        return None
    known = {field.name: values[field.name] for field in fields(kind) if field.name in values}
    try:
        time = datetime.fromisoformat(values["time"]).astimezone(UTC).replace(tzinfo=None)
        if kind is Ended:
            known["status"] = EndStatus(known["status"])
        return TimedEvent(time, kind(**known))
    except (KeyError, TypeError, ValueError):
        return None


class EventWriter:
    """Appends events to a run's file and, as long as somebody reads there, to a descriptor.

    A line that a killed worker cut short is closed first. A reader that has gone away stops
    nothing; a file that cannot be written does.

    Args:
        path: ``events.jsonl``.
        also: a descriptor such as that of stdout; None: the file only.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, path: Path, also: int | None = None) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._also = also
        size = os.fstat(self._file).st_size
        self._gap = size > 0 and os.pread(self._file, 1, size - 1) != b"\n"

    def write(self, event: RunEvent) -> None:
        """Write an event.

        Raises:
            OSError: the file cannot be written: the disk is full, most likely.
        """
        line = (event_line(event, datetime.now(UTC).replace(tzinfo=None)) + "\n").encode()
        # What is printed is the whole of it even when the disk is full: a watcher learns why.
        self._print(line)
        whole = (b"\n" if self._gap else b"") + line
        while whole:
            self._gap = True
            whole = whole[os.write(self._file, whole) :]
        self._gap = False

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _print(self, line: bytes) -> None:
        while line and self._also is not None:
            try:
                line = line[os.write(self._also, line) :]
            except OSError:
                self._also = None


class EventFollower:
    """Reads a growing event file from where it stopped the last time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._place = 0

    def skip(self, place: int) -> None:
        """Begin at a byte of the file, where a line begins."""
        self._place = place

    def new_events(self) -> list[TimedEvent]:
        """Return the events of whole lines that came since the last call; none without a file.

        Raises:
            InputError: the file is there and cannot be read.
        """
        try:
            with self._path.open("rb") as file:
                file.seek(self._place)
                read = file.read()
        except FileNotFoundError:
            return []
        except OSError as error:
            what = f"cannot read a run's events: {error.strerror}"
            raise InputError(what, where=str(self._path)) from error
        whole = read[: read.rfind(b"\n") + 1]
        self._place += len(whole)
        lines = whole.decode("utf-8", "replace").split("\n")
        return [event for line in lines if (event := parse_event(line)) is not None]


def read_events(path: Path) -> list[TimedEvent]:
    """Return all events of a file so far.

    Raises:
        InputError: the file is there and cannot be read.
    """
    return EventFollower(path).new_events()


def as_continued(events: Iterable[TimedEvent]) -> list[TimedEvent]:
    """Return the events without the steps and looks that a resume took back.

    A worker that was killed wrote of steps after its last checkpoint; the next one starts at that
    checkpoint and takes them again.
    """
    kept: list[TimedEvent] = []
    for timed in events:
        if isinstance(timed.event, Started):
            start = timed.event.step
            kept = [old for old in kept if not _is_after(old.event, start)]
        kept.append(timed)
    return kept


def _is_after(event: RunEvent, step: int) -> bool:
    return not isinstance(event, Started | Ended) and event.step > step


POINTS: Final = 1024


class Curve:
    """Means over equal stretches of steps.

    A stretch is one step long until there are more than ``limit`` of them; then neighbours are
    joined and it is twice as long. So a run of any length costs the same to keep and to draw.
    """

    def __init__(self, limit: int = POINTS) -> None:
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

    def back_to(self, step: int) -> None:
        """Forget what came after a step: a resumed run takes those steps again."""
        while self._points and self._points[-1][0] > step:
            self._points.pop()

    def points(self) -> tuple[tuple[int, float], ...]:
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


Points = tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class RunProgress:
    """What a run's events say so far.

    Args:
        started: its last start; None before the first.
        stepped: its last step.
        ended: how its worker ended; None while it has not, also after a new start.
        checkpoint: the last checkpoint that is whole.
        best: the look at the held-out queries with the highest metric.
        loss: (step, mean loss) along the run; of a long one over stretches of steps.
        metric: (step, nDCG@10) of the looks at the held-out queries.
        rate: (step, learning rate) along the run.
        seconds: how long its workers that ended took, all together.
    """

    started: Started | None = None
    stepped: Stepped | None = None
    ended: Ended | None = None
    checkpoint: Checkpointed | None = None
    best: Evaluated | None = None
    loss: Points = ()
    metric: Points = ()
    rate: Points = ()
    seconds: float = 0.0

    @property
    def step(self) -> int:
        """The last step taken; 0 before the first."""
        taken = [0]
        if self.stepped is not None:
            taken.append(self.stepped.step)
        if self.started is not None:
            taken.append(self.started.step)
        return max(taken)

    @property
    def steps(self) -> int:
        """The steps that it is to take; 0 before its start."""
        known = self.stepped or self.started
        return known.steps if known is not None else 0


class RunTally:
    """Sums events up; a run of any length costs the same to keep."""

    def __init__(self) -> None:
        self._progress = _Latest()
        self._loss, self._metric, self._rate = Curve(), Curve(), Curve()

    def add(self, events: Iterable[RunEvent]) -> None:
        """Take events, in their order."""
        for event in events:
            self._add(event)

    def progress(self) -> RunProgress:
        """Return where the run is."""
        latest = self._progress
        return RunProgress(
            started=latest.started,
            stepped=latest.stepped,
            ended=latest.ended,
            checkpoint=latest.checkpoint,
            best=latest.best,
            loss=self._loss.points(),
            metric=self._metric.points(),
            rate=self._rate.points(),
            seconds=latest.seconds,
        )

    def _add(self, event: RunEvent) -> None:
        latest = self._progress
        match event:
            case Started():
                latest.started, latest.ended = event, None
                self._go_back(event.step)
            case Stepped():
                latest.stepped = event
                self._loss.add(event.step, event.loss)
                self._rate.add(event.step, event.rate)
            case Evaluated():
                self._metric.add(event.step, event.value)
                if latest.best is None or event.value > latest.best.value:
                    latest.best = event
            case Checkpointed():
                latest.checkpoint = event
            case Ended():
                latest.ended = event
                latest.seconds += event.seconds

    def _go_back(self, step: int) -> None:
        """A resumed run takes the steps after its checkpoint again."""
        for curve in (self._loss, self._metric, self._rate):
            curve.back_to(step)
        latest = self._progress
        if latest.stepped is not None and latest.stepped.step > step:
            latest.stepped = None
        if latest.best is not None and latest.best.step > step:
            name = latest.best.metric
            latest.best = max(
                (Evaluated(at, name, value, best=True) for at, value in self._metric.points()),
                key=lambda look: look.value,
                default=None,
            )


@dataclass(slots=True)
class _Latest:
    """The last event of each kind."""

    started: Started | None = None
    stepped: Stepped | None = None
    ended: Ended | None = None
    checkpoint: Checkpointed | None = None
    best: Evaluated | None = None
    seconds: float = 0.0
