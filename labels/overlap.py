"""To how many people each pair goes: a setting of the store itself, the same for a whole team."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.errors import InputError

if TYPE_CHECKING:
    from core.store import Store

#: Every pair goes to everybody.
EVERYBODY: Final = 0
_NAME: Final = "overlap"


def overlap_of(store: Store) -> int:
    """Return to how many people each pair goes.

    Where nobody has set it: to one in a team's store, to everybody in a file of one's own.
    """
    rows = store.read("SELECT value FROM db.store_settings WHERE name = $1", [_NAME])
    if rows:
        return int(rows[0][0])
    return 1 if store.shared else EVERYBODY


def set_overlap(store: Store, people: int) -> None:
    """Let each pair go to so many people from now on, ``EVERYBODY`` for no limit.

    Raises:
        InputError: the number is negative.
        StoreError: it could not be written.
    """
    if people < 0:
        raise InputError(f"{people} people cannot grade a pair", todo="Give 1 or more, or 0: all.")
    with store.exclusive("store_settings") as cursor:
        known = cursor.execute(
            "SELECT 1 FROM db.store_settings WHERE name = $1", [_NAME]
        ).fetchone()
        sql = (
            "UPDATE db.store_settings SET value = $2 WHERE name = $1"
            if known
            else "INSERT INTO db.store_settings (name, value) VALUES ($1, $2)"
        )
        cursor.execute(sql, [_NAME, str(people)])
