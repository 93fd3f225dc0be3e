"""The events of a run: one JSON object a line, in its ``events.jsonl`` and on its worker's stdout.

A line has ``event`` (the name below) and ``time`` (UTC, ISO 8601), then the fields of the record. A
reader skips events and fields that it does not know, and a last line that is not finished.
``train.runs.progress`` makes a run's status, progress and curves of them.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from threading import Lock
from typing import TYPE_CHECKING, Final

from core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class EndStatus(StrEnum):
    """How a worker ended by itself; one that was killed leaves no end event."""

    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Launched:
    """``launch``: a worker is being started, by this process; all later events are its own."""

    by: int


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
    """``step``: an optimizer step was taken.

    ``loss`` is the weighted sum, ``losses`` its parts before weighting; ``rate`` the learning
    rate; ``gradient_norm`` is before clipping; ``memory`` the peak in bytes so far.
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
class Evaluating:
    """``evaluating``: a held-out evaluation is under way: ``done`` of ``total`` texts encoded."""

    step: int
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Evaluated:
    """``eval``: a held-out evaluation. ``metric`` is nDCG@10 over the graded pairs."""

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
class Stopping:
    """``stopping``: the worker was asked to stop; it finishes its step and saves."""


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


RunEvent = Launched | Started | Stepped | Evaluating | Evaluated | Checkpointed | Stopping | Ended

_KINDS: Final[dict[str, type[RunEvent]]] = {
    "launch": Launched,
    "start": Started,
    "step": Stepped,
    "evaluating": Evaluating,
    "eval": Evaluated,
    "checkpoint": Checkpointed,
    "stopping": Stopping,
    "end": Ended,
}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}


@dataclass(frozen=True, slots=True)
class TimedEvent:
    """An event and when it happened (UTC, without a zone, as everywhere)."""

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
    """Appends events to a run's file and, as long as it has a reader, to a descriptor.

    Safe for use from several threads. A line that a killed worker cut short is ended first. A
    reader that has gone away is ignored; a file that cannot be written is an error.

    Args:
        path: ``events.jsonl``.
        also: a descriptor such as that of stdout; None: the file only.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, path: Path, also: int | None = None) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._also = also
        self._writing = Lock()
        size = os.fstat(self._file).st_size
        self._gap = size > 0 and os.pread(self._file, 1, size - 1) != b"\n"

    def write(self, event: RunEvent) -> None:
        """Write an event.

        Raises:
            OSError: the file cannot be written: the disk is full, most likely.
        """
        line = (event_line(event, datetime.now(UTC).replace(tzinfo=None)) + "\n").encode()
        with self._writing:
            # Printed first, so that the reader learns why when the disk is full.
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
    """Reads on in a growing event file.

    ``position`` is the number of bytes read so far.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.position = 0

    def skip_to_last_launch(self) -> None:
        """Go to the first event of the last launch; to the beginning where there was no launch."""
        read = self._read()
        start = read.rfind(b'{"event":"launch"')
        self.position += read.find(b"\n", start) + 1 if start >= 0 else 0

    def was_replaced(self) -> bool:
        """Whether the file is shorter than what was read of it."""
        try:
            return self._path.stat().st_size < self.position
        except OSError:
            return False

    def new_events(self) -> list[TimedEvent]:
        """Return the events of whole lines that came since the last call; none without a file.

        Raises:
            InputError: the file exists and cannot be read.
        """
        read = self._read()
        whole = read[: read.rfind(b"\n") + 1]
        self.position += len(whole)
        lines = whole.decode("utf-8", "replace").split("\n")
        return [event for line in lines if (event := parse_event(line)) is not None]

    def _read(self) -> bytes:
        try:
            with self._path.open("rb") as file:
                file.seek(self.position)
                return file.read()
        except FileNotFoundError:
            return b""
        except OSError as error:
            what = f"cannot read a run's events: {error.strerror}"
            raise InputError(what, where=str(self._path)) from error


def read_events(path: Path) -> list[TimedEvent]:
    """Return all events of a file so far.

    Raises:
        InputError: the file is there and cannot be read.
    """
    return EventFollower(path).new_events()


def as_continued(events: Iterable[TimedEvent]) -> list[TimedEvent]:
    """Return the events without those of steps that a resume takes again.

    A killed worker leaves events of steps after its last checkpoint; the next worker starts at that
    checkpoint.
    """
    kept: list[TimedEvent] = []
    for timed in events:
        if isinstance(timed.event, Started):
            start = timed.event.step
            kept = [old for old in kept if not _is_after(old.event, start)]
        kept.append(timed)
    return kept


def _is_after(event: RunEvent, step: int) -> bool:
    return not isinstance(event, Launched | Started | Stopping | Ended) and event.step > step
