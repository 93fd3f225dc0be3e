"""The label journal: a second copy of all label events, a JSON object per line, append-only.

An event is in the journal, on disk, before it goes to the database. A database that lost events
(cut short, or restored from an older backup) gets them back from here when it is opened.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from core.errors import WorkspaceError
from core.files import lock, write_atomically
from core.records import GRADES, Action, LabelEvent

if TYPE_CHECKING:
    from pathlib import Path


JOURNAL_NAME: Final = "labels.jsonl"
_TAIL_BYTES: Final = 1 << 16


def encode_event(event: LabelEvent) -> str:
    """Return the line of an event, without its newline."""
    values = {field.name: getattr(event, field.name) for field in fields(event)}
    shown = {
        name: str(value) if isinstance(value, UUID | datetime) else value
        for name, value in values.items()
        if value is not None
    }
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":"))


def decode_event(line: str) -> LabelEvent:
    """Return the event of a line.

    Raises:
        ValueError: the line is cut short, is not an event, or is an impossible one.
    """
    try:
        values = json.loads(line)
        identifiers = {
            name: UUID(values[name])
            for name in ("id", "pair_id", "judgment_id", "undoes")
            if name in values
        }
        happened = datetime.fromisoformat(values["happened"])
        action = Action(values["action"])
        event = LabelEvent(**(values | identifiers | {"happened": happened, "action": action}))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a label event: {error}") from error
    _check(event)
    return event


def _check(event: LabelEvent) -> None:
    """Raise ValueError for values that the database would refuse or, worse, round."""
    grade, chance = event.grade, event.inclusion_probability
    if (event.action in (Action.CONFIRM, Action.OVERRIDE)) != (grade is not None):
        raise ValueError(f"not a label event: {event.action} with the grade {grade}")
    if grade is not None and (type(grade) is not int or grade not in GRADES):
        raise ValueError(f"{grade!r} is not a grade")
    if (event.action is Action.UNDO) != (event.undoes is not None):
        raise ValueError(f"not a label event: {event.action} that undoes {event.undoes}")
    if type(event.adjudicates) is not bool or (event.adjudicates and grade is None):
        raise ValueError(f"not a label event: {event.action} that adjudicates")
    if chance is not None and not (isinstance(chance, int | float) and 0 < chance <= 1):
        raise ValueError(f"{chance!r} is not the chance of a draw")


class LabelJournal:
    """The journal of a workspace. Several processes may append to it.

    Args:
        folder: the ``.rejudge`` folder.
        team: the name of a team's store, which has a journal of its own; empty for the workspace's
            own database.
    """

    def __init__(self, folder: Path, team: str = "") -> None:
        self.path = folder / (f"labels-{team}.jsonl" if team else JOURNAL_NAME)
        self._sent_path = self.path.with_suffix(".sent")
        self._end = 0

    def append(self, event: LabelEvent) -> int:
        """Append an event, sync it to disk, and return the size of the file before it.

        A line that an earlier crash cut short is ended first, so that it does not spoil this one.

        Raises:
            WorkspaceError: the disk is full or the file cannot be written; nothing was recorded.
        """
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                lock(descriptor)
                size = os.fstat(descriptor).st_size
                whole = size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"
                line = ("" if whole else "\n") + encode_event(event) + "\n"
                _write_all(descriptor, line.encode(), size)
                os.fsync(descriptor)
                self._end = size + len(line.encode())
                return size
            finally:
                os.close(descriptor)
        except OSError as error:
            raise WorkspaceError(
                f"the label was not recorded: {error.strerror}",
                where=str(self.path),
                todo="Make room or make the file writable, then press the key again.",
            ) from error

    def retract(self, size: int) -> None:
        """Undo the last ``append``, which returned ``size``, after the database refused the event.

        If that fails, or another process has appended since, the event stays and goes to the
        database when that is next opened.
        """
        with suppress(OSError), self.path.open("r+b") as file:
            lock(file.fileno())
            if file.seek(0, os.SEEK_END) == self._end:
                file.truncate(size)

    def unsent(self) -> tuple[list[LabelEvent], int]:
        """Return the events after the last mark, and the position for ``mark_sent`` after them."""
        try:
            start = int(self._sent_path.read_text("ascii"))
        except (FileNotFoundError, ValueError):
            start = 0
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(start if start <= size else 0)
                raw = file.read()
        except FileNotFoundError:
            return [], 0
        whole = raw[: raw.rfind(b"\n") + 1]
        return _events_of(whole), (start if start <= size else 0) + len(whole)

    def mark_sent(self, end: int) -> None:
        """Record that the database has all events before ``end``, a result of ``unsent``."""
        write_atomically(self._sent_path, str(end))

    def last_id(self) -> UUID | None:
        """Return the id of the last readable event; None if there is none."""
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - _TAIL_BYTES))
                lines = file.read().split(b"\n")
        except FileNotFoundError:
            return None
        for line in reversed(lines):
            try:
                return decode_event(line.decode()).id
            except ValueError:
                continue
        return None

    def events(self) -> list[LabelEvent]:
        """Return all readable events, in order."""
        return _events_of(self._content())

    def unreadable(self) -> list[tuple[int, str]]:
        """Return the number of each line that is not an event, counted from 1, and the reason.

        A crash may have cut it short, or somebody may have edited the file.
        """
        found = []
        for number, line in enumerate(self._content().split(b"\n"), start=1):
            try:
                if line.strip():
                    decode_event(line.decode())
            except ValueError as error:
                found.append((number, str(error)))
        return found

    def _content(self) -> bytes:
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return b""


def _events_of(raw: bytes) -> list[LabelEvent]:
    found = []
    for line in raw.split(b"\n"):
        try:
            found.append(decode_event(line.decode()))
        except ValueError:
            continue
    return found


def _write_all(descriptor: int, data: bytes, size_before: int) -> None:
    written = 0
    try:
        while written < len(data):
            written += os.write(descriptor, data[written:])
    except OSError:
        os.ftruncate(descriptor, size_before)
        raise
