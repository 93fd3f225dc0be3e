"""Finding the pair that a person names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from core.errors import InputError

if TYPE_CHECKING:
    from uuid import UUID

    from core.store import Store

_PREFIX: Final = re.compile(r"[0-9a-f-]{4,36}")


def find_pair(store: Store, name: str) -> UUID:
    """Return the pair whose id begins with ``name``, at least four hexadecimal digits.

    Raises:
        InputError: no pair, or more than one, has such an id.
    """
    prefix = name.lower()
    if not _PREFIX.fullmatch(prefix):
        raise InputError(
            "this is no pair id",
            where=name,
            todo="Give the first digits of an id that rejudge next shows, at least four.",
        )
    rows = store.read(
        "SELECT id FROM db.pairs WHERE starts_with(CAST(id AS VARCHAR), $1) LIMIT 2", [prefix]
    )
    if not rows:
        raise InputError("no pair has this id", where=name, todo="See one with: rejudge next")
    if len(rows) > 1:
        raise InputError("several pairs have such an id", where=name, todo="Give more digits.")
    identifier: UUID = rows[0][0]
    return identifier
