"""What PostgreSQL and the way to it say, turned into what happened and what to do next."""

from __future__ import annotations

import re
from typing import Final

from core.errors import StoreConflictError, StoreError, StoreUnreachableError

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
