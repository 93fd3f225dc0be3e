"""Turn the errors of DuckDB, PostgreSQL and the file system into ``StoreError``."""

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
        "the server refused the password",
        "Set PGPASSWORD in the environment, or correct the line in ~/.pgpass.",
    ),
    (
        re.compile(r"no pg_hba\.conf entry", re.IGNORECASE),
        "the server does not accept connections from here",
        "Ask its administrator for a line in pg_hba.conf.",
    ),
    (
        re.compile(r'role "?.*"? does not exist', re.IGNORECASE),
        "the server does not know this user",
        "Name another with user=NAME in the store's url, or have it created: CREATE ROLE.",
    ),
    (
        re.compile(r'database "?.*"? does not exist', re.IGNORECASE),
        "the server has no such database",
        "Create it first: createdb NAME",
    ),
    (
        re.compile(r"permission denied|must be owner", re.IGNORECASE),
        "the server does not allow this",
        "Ask the owner of the database for the rights; docs/team.md lists them.",
    ),
    (
        re.compile(r"invalid connection option|invalid port|invalid integer value", re.IGNORECASE),
        "the store's url has an option that PostgreSQL does not know",
        "Write it as: postgres:host=HOST dbname=NAME user=NAME",
    ),
)
_CONFLICT: Final = re.compile(
    r"duplicate key|could not serialize|deadlock detected|lock timeout", re.IGNORECASE
)


def is_lost(message: str) -> bool:
    """Return whether an error means that the server is unreachable, for now."""
    return bool(_UNREACHABLE.search(message)) and not any(
        pattern.search(message) for pattern, _, _ in _REFUSED
    )


def explain_server(message: str, place: str) -> StoreError | None:
    """Return the error for a message of the server; None if the message is unknown."""
    for pattern, what, todo in _REFUSED:
        if pattern.search(message):
            return StoreError(what, where=place, todo=todo)
    if _UNREACHABLE.search(message):
        return StoreUnreachableError(
            "the team's store cannot be reached",
            where=place,
            todo="Check that the server runs and the network is up, then try again."
            " Everything committed is kept.",
        )
    if _CONFLICT.search(message):
        return StoreConflictError(
            "somebody else changed the same data at the same moment",
            where=place,
            todo="Nothing of this step was kept. Try again.",
        )
    return None


_LOCKED: Final = re.compile(r"Conflicting lock is held in (?P<program>.*?) \(PID (?P<pid>\d+)\)")
_MORE_ROOM: Final = "Free some space on that disk, then try again. Everything committed is intact."
_NO_ROOM: Final = {
    "the disk is full": ("no space left", "disk is full"),
    "a quota or a limit of this system keeps the file from growing": (
        "quota exceeded",
        "file too large",
    ),
}
_RESTORE: Final = "Restore it from a backup and the label journal with: rejudge doctor --restore"
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
        todo="Nothing of this step was kept. Everything before it is intact.",
    )


@contextmanager
def explained(path: Path | str) -> Iterator[None]:
    """Raise errors of DuckDB and the file system as ``StoreError``, with the place and a remedy.

    Args:
        path: the database's file, or the url of a team's store.
    """
    from core.store.engine import engine

    try:
        yield
    except (engine.ProgrammingError, engine.NotSupportedError) as error:
        if "cannot encode str as UTF-8" in str(error):
            raise InputError(
                "text that is not UTF-8 cannot be stored or searched for",
                todo="Check the command line, or set the terminal to UTF-8.",
            ) from error
        raise  # a mistake of this program, not of the person
    except engine.Error as error:
        known = explain_server(str(error), str(path)) if is_server_url(str(path)) else None
        raise known or _explain(str(error), path) from error
    except OSError as error:
        raise _explain(f"{error.strerror or error}", path) from error
