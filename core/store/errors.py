"""What DuckDB says, turned into what happened, where, and what to do next.

What PostgreSQL and the way to it say, turned into what happened and what to do next.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from core.errors import (
    InputError,
    StoreConflictError,
    StoreDamagedError,
    StoreError,
    StoreLockedError,
    StoreUnreachableError,
)
from core.store.server_url import is_server_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


_UNREACHABLE: Final = re.compile(
    r"unable to connect|connection refused|server closed the connection|terminating connection"
    r"|could not connect|no connection to the server|connection not open|ssl syscall"
    r"|starting up|shutting down|in recovery mode|could not (receive|send) data"
    r"|timeout expired|connection timed out|connection reset|broken pipe|could not translate host",
    re.IGNORECASE,
)
_REFUSED: Final = (
    (
        re.compile(r"password authentication failed|no password supplied", re.IGNORECASE),
        "the server wants another password",
        "Set PGPASSWORD in the environment, or mend the line in ~/.pgpass.",
    ),
    (
        re.compile(r"no pg_hba\.conf entry", re.IGNORECASE),
        "the server lets nobody in from here",
        "Ask who runs it for a line in pg_hba.conf.",
    ),
    (
        re.compile(r'role "?.*"? does not exist', re.IGNORECASE),
        "the server does not know this user",
        "Give another one with user=NAME in the store's url, or have it made: CREATE ROLE.",
    ),
    (
        re.compile(r'database "?.*"? does not exist', re.IGNORECASE),
        "the server has no such database",
        "Have it made first: createdb NAME",
    ),
    (
        re.compile(r"permission denied|must be owner", re.IGNORECASE),
        "the server does not allow this",
        "Ask the owner of the database for the rights; docs/team.md lists them.",
    ),
    (
        re.compile(r"invalid connection option|invalid port|invalid integer value", re.IGNORECASE),
        "the store's url has a part that PostgreSQL does not know",
        "A store is given as: postgres:host=HOST dbname=NAME user=NAME",
    ),
)
_CONFLICT: Final = re.compile(
    r"duplicate key|could not serialize|deadlock detected|lock timeout", re.IGNORECASE
)


def is_lost(message: str) -> bool:
    """Tell whether an error means that the server was not there, for now."""
    return bool(_UNREACHABLE.search(message)) and not any(
        pattern.search(message) for pattern, _, _ in _REFUSED
    )


def explain_server(message: str, place: str) -> StoreError | None:
    """Return the error that a message of the server means; None when it is none of the known."""
    for pattern, what, todo in _REFUSED:
        if pattern.search(message):
            return StoreError(what, where=place, todo=todo)
    if _UNREACHABLE.search(message):
        return StoreUnreachableError(
            "the team's store cannot be reached",
            where=place,
            todo="See that the server runs and the network is there, then try again;"
            " what was committed is kept.",
        )
    if _CONFLICT.search(message):
        return StoreConflictError(
            "somebody else wrote the same at the same moment",
            where=place,
            todo="Nothing of this step was kept. Do it again.",
        )
    return None


_LOCKED: Final = re.compile(r"Conflicting lock is held in (?P<program>.*?) \(PID (?P<pid>\d+)\)")
_MORE_ROOM: Final = "Free some space on that disk, then try again; what was committed is intact."
_NO_ROOM: Final = {
    "the disk is full": ("no space left", "disk is full"),
    "a quota or a limit of this system lets the file grow no further": (
        "quota exceeded",
        "file too large",
    ),
}
_RESTORE: Final = "Bring it back from a backup and the label journal with: rejudge doctor --restore"
_DAMAGED: Final = (
    "not a valid duckdb database",
    "corrupt",
    "checksum",
    "could not read enough bytes",
    "serialization error",
    "internal error",
    "has been invalidated",
)
_PERMISSION: Final = "Make the folder writable for you, or use another one with --workspace DIR."


def _explain(message: str, path: Path | str) -> StoreError:
    locked = _LOCKED.search(message)
    if locked:
        return StoreLockedError(
            "another process has this workspace open:"
            f" process {locked['pid']}, {locked['program']}",
            where=str(path),
            todo="Close that rejudge, or wait until its command has finished, then try again.",
        )
    lowered = message.lower()
    if "could not set lock" in lowered:
        return StoreLockedError(
            "another process has this workspace open",
            where=str(path),
            todo="Close the other rejudge, then try again.",
        )
    for what, signs in _NO_ROOM.items():
        if any(sign in lowered for sign in signs):
            return StoreError(what, where=str(path), todo=_MORE_ROOM)
    if any(sign in lowered for sign in _DAMAGED):
        return StoreDamagedError("the database file is damaged", where=str(path), todo=_RESTORE)
    if "permission denied" in lowered or "read-only file system" in lowered:
        return StoreError("the database cannot be written", where=str(path), todo=_PERMISSION)
    first_line = message.strip().splitlines()[0] if message.strip() else "unknown reason"
    return StoreError(
        f"the database refused: {first_line}",
        where=str(path),
        todo="Nothing of this step was kept; what was there before is intact.",
    )


@contextmanager
def explained(path: Path | str) -> Iterator[None]:
    """Raise DuckDB's errors and the file system's as ``StoreError`` with the place and a remedy.

    ``path`` is the database's file, or the url of a team's store.
    """
    from core.store.engine import engine

    try:
        yield
    except (engine.ProgrammingError, engine.NotSupportedError) as error:
        if "cannot encode str as UTF-8" in str(error):
            raise InputError(
                "a word that is not UTF-8 cannot be looked for or kept",
                todo="Check the words of the command line, or set the terminal to UTF-8.",
            ) from error
        raise  # a mistake of this program, not of the person
    except engine.Error as error:
        known = explain_server(str(error), str(path)) if is_server_url(str(path)) else None
        raise known or _explain(str(error), path) from error
    except OSError as error:
        raise _explain(f"{error.strerror or error}", path) from error
