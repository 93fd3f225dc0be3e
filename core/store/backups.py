"""Backups: dated copies of the database, kept beside it.

The process that owns the database makes them through its own connection: nobody else may open the
file. A file with a backup's name is always a whole database.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from core.files import UNFINISHED, replacing
from core.store.errors import explained
from core.store.sql import attach_file

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb import DuckDBPyConnection


BACKUPS_NAME: Final = "backups"
#: Backups kept of each kind: those before a migration, and the dated ones.
KEPT: Final = 5
LONGEST_AGE: Final = timedelta(days=1)
#: Label events after which a backup is due: a label takes a person ten seconds, a backup one.
LABELS_BETWEEN: Final = 250
_STAMP: Final = "%Y%m%dT%H%M%S"
_NAME: Final = re.compile(r"(?:schema-\d{4}|dated)-(?P<stamp>\d{8}T\d{6})(?:-\d{6})?\.duckdb")


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy of the database as of ``made``, in UTC."""

    path: Path
    made: datetime


def backups(folder: Path) -> tuple[Backup, ...]:
    """Return the backups in a ``.rejudge`` folder, the newest first."""
    found = []
    with suppress(OSError):
        for path in (folder / BACKUPS_NAME).iterdir():
            match = _NAME.fullmatch(path.name)
            with suppress(ValueError):
                if match and path.stat().st_size:
                    found.append(Backup(path, datetime.strptime(match["stamp"], _STAMP)))  # noqa: DTZ007 - in UTC, as the store keeps times
    return tuple(sorted(found, key=lambda backup: (backup.made, backup.path.name), reverse=True))


def is_old(backup: Backup, now: datetime) -> bool:
    """Return whether a backup is a day old, or dated tomorrow by a clock that has gone back."""
    return abs(now - backup.made) > LONGEST_AGE


def write_backup(cursor: DuckDBPyConnection, folder: Path, kind: str) -> Path:
    """Copy ``db`` into the backups folder and remove all but the newest few of its kind.

    Args:
        cursor: used by nobody else, and in no transaction.
        folder: the ``.rejudge`` folder.
        kind: ``dated``, or ``schema-`` and the four digits of the schema's version.

    Raises:
        StoreError: the disk is full or cannot be written; no backup was lost.
    """
    place = folder / BACKUPS_NAME
    with explained(place):
        place.mkdir(exist_ok=True)
        for leftover in place.glob(f"*{UNFINISHED}*"):
            leftover.unlink(missing_ok=True)
        stamp = datetime.now(UTC).strftime(f"{_STAMP}-%f")
        path = place / f"{kind}-{stamp}.duckdb"
        with replacing(path) as copy:
            _copy(cursor, copy)
            copy.chmod(0o600)
        group = "dated-*.duckdb" if kind == "dated" else "schema-*.duckdb"
        for old in sorted(place.glob(group))[:-KEPT]:
            old.unlink(missing_ok=True)
    return path


def _copy(cursor: DuckDBPyConnection, target: Path) -> None:
    attach_file(cursor, target, "backup")
    try:
        cursor.execute("COPY FROM DATABASE db TO backup")
    finally:
        cursor.execute("DETACH backup")
