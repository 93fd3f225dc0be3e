"""The event stream of a run: written by its worker, read by whoever watches it.

See ``train.run_events`` for what a line holds.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from train.run_events import (
    Checkpointed,
    Ended,
    EndStatus,
    Evaluated,
    RunEvent,
    Started,
    Stepped,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

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
