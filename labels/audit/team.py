"""Who has which pair in hand, so that a team does not grade the same ones unawares.

A pair goes to as many people as the store's overlap says. Who graded it holds it for good, who is
about to holds a lease: for half an hour by the store's clock, then somebody else may have it.

To how many people each pair goes: a setting of the store itself, the same for a whole team.

How a team's work stands: who graded what, who has pairs in hand, how far the overlap is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from core.store.sql import one_of
from labels.audit.items import ADJUDICATED_PAIRS, DISPUTED_PAIRS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from duckdb import DuckDBPyConnection

    from core.store.database import Store


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


@dataclass(frozen=True, slots=True)
class Member:
    """One person: pairs graded, pairs passed over, pairs in hand, and the last thing they did."""

    name: str
    graded: int
    skipped: int
    in_hand: int
    last: datetime | None


@dataclass(frozen=True, slots=True)
class TeamStatus:
    """``graded_by`` counts the pairs that exactly so many people graded, 0 among them.

    ``overlap`` is to how many people each pair goes, 0 for everybody. On ``disputed`` pairs people
    differ and nobody has settled it yet, ``adjudicated`` ones are settled.
    """

    overlap: int
    pairs: int
    graded_by: dict[int, int]
    members: tuple[Member, ...]
    disputed: int
    adjudicated: int

    @property
    def done(self) -> int:
        """The pairs that as many people graded as are to."""
        return sum(
            pairs for people, pairs in self.graded_by.items() if people >= max(1, self.overlap)
        )


def team_status(store: Store) -> TeamStatus:
    """Read how the team's work stands."""
    ((pairs,),) = store.read("SELECT count(*) FROM db.pairs")
    graded_by = {
        int(people): int(count)
        for people, count in store.read(
            "SELECT people, count(*) FROM (SELECT pair_id, count(*) AS people FROM current_labels"
            " GROUP BY pair_id) GROUP BY people ORDER BY people"
        )
    }
    left = int(pairs) - sum(graded_by.values())
    ((disputed, adjudicated),) = store.read(
        f"SELECT (SELECT count(*) FROM {DISPUTED_PAIRS}),"
        f" (SELECT count(*) FROM {ADJUDICATED_PAIRS})"
    )
    return TeamStatus(
        overlap_of(store),
        int(pairs),
        {0: left} | graded_by,
        _members(store),
        int(disputed),
        int(adjudicated),
    )


def _members(store: Store) -> tuple[Member, ...]:
    rows = store.read(
        """
        WITH done AS (
            SELECT annotator, count(DISTINCT pair_id) FILTER (grade IS NOT NULL) AS graded,
                count(DISTINCT pair_id) FILTER (action = 'skip') AS skipped,
                max(happened) AS last
            FROM standing_events GROUP BY annotator
        ), held AS (
            SELECT annotator, count(*) AS in_hand FROM db.leases
            WHERE expires > $1 AND (pair_id, annotator) NOT IN (
                SELECT (pair_id, annotator) FROM current_labels)
            GROUP BY annotator
        )
        SELECT coalesce(done.annotator, held.annotator) AS name, coalesce(graded, 0),
            coalesce(skipped, 0), coalesce(in_hand, 0), last
        FROM done FULL JOIN held ON held.annotator = done.annotator
        ORDER BY coalesce(graded, 0) DESC, name
        """,
        [store.now()],
    )
    return tuple(Member(str(row[0]), int(row[1]), int(row[2]), int(row[3]), row[4]) for row in rows)


LEASE: Final = timedelta(minutes=30)
#: A lease with less than this left is asked for again before its pair is shown.
_MARGIN: Final = timedelta(minutes=5)


class Leases:
    """The leases of one annotator's sitting. Safe in several threads: the store serializes them.

    Args:
        store: the store.
        annotator: who grades.
        overlap: to how many people each pair goes.
    """

    def __init__(self, store: Store, annotator: str, overlap: int) -> None:
        self._store = store
        self._annotator = annotator
        self.overlap = overlap
        #: Until when each pair is surely ours, on this machine's monotonic clock.
        self._until: dict[UUID, float] = {}

    @classmethod
    def of(cls, store: Store, annotator: str) -> Leases | None:
        """Return the leases of a sitting; None where every pair goes to everybody."""
        overlap = overlap_of(store)
        return cls(store, annotator, overlap) if overlap and store.read_only_copy is None else None

    def claim(self, pairs: Sequence[UUID], most: int) -> list[UUID]:
        """Take the first pairs that are to be had, at most ``most``, and return them.

        Raises:
            StoreError: the store cannot be reached or written; nothing was taken.
        """
        if not pairs:
            return []
        taken_at = monotonic()
        now = self._store.now()
        with self._store.exclusive("leases") as cursor:
            held = self._held(cursor, pairs, now)
            granted = [pair for pair in pairs if held.get(pair, 0) < self.overlap][:most]
            if granted:
                self._write(cursor, granted, now + LEASE)
        self._until.update(dict.fromkeys(granted, taken_at + (LEASE - _MARGIN).total_seconds()))
        return granted

    def keep(self, pair: UUID) -> bool:
        """Tell whether the pair is still ours; a lease that has run out is asked for again."""
        if self._until.get(pair, 0.0) > monotonic():
            return True
        return bool(self.claim([pair], 1))

    def release(self, pairs: Sequence[UUID] | None = None) -> None:
        """Give pairs up, all of this sitting's when None is named.

        Raises:
            StoreError: the store cannot be reached; the leases run out by themselves.
        """
        asked = list(self._until) if pairs is None else pairs
        given_up = [pair for pair in asked if self._until.pop(pair, None) is not None]
        if not given_up:
            return
        now = self._store.now()
        these, parameters = one_of(given_up)
        with self._store.exclusive("leases") as cursor:
            cursor.execute(
                f"DELETE FROM db.leases WHERE annotator = ${len(parameters) + 1}"
                f" AND pair_id IN {these}",
                [*parameters, self._annotator],
            )
            cursor.execute("DELETE FROM db.leases WHERE expires <= $1", [now])

    def _held(
        self, cursor: DuckDBPyConnection, pairs: Sequence[UUID], now: datetime
    ) -> dict[UUID, int]:
        """Return how many others have each of the pairs that anybody has."""
        these, parameters = one_of(pairs)
        rows = cursor.execute(
            "SELECT pair_id, count(DISTINCT annotator) FROM ("
            " SELECT pair_id, annotator FROM standing_events"
            f" WHERE grade IS NOT NULL AND pair_id IN {these}"
            " UNION ALL SELECT pair_id, annotator FROM db.leases"
            f" WHERE expires > $2 AND pair_id IN {these}"
            ") WHERE annotator <> $3 GROUP BY pair_id",
            [*parameters, now, self._annotator],
        ).fetchall()
        return {pair: int(count) for pair, count in rows}

    def _write(self, cursor: DuckDBPyConnection, pairs: Sequence[UUID], expires: datetime) -> None:
        these, parameters = one_of(pairs)
        own = cursor.execute(
            f"SELECT pair_id FROM db.leases WHERE annotator = $2 AND pair_id IN {these}",
            [*parameters, self._annotator],
        ).fetchall()
        known = [row[0] for row in own]
        if known:
            these, parameters = one_of(known)
            cursor.execute(
                f"UPDATE db.leases SET expires = $2 WHERE annotator = $3 AND pair_id IN {these}",
                [*parameters, expires, self._annotator],
            )
        fresh = sorted(set(pairs).difference(known))
        if fresh:
            cursor.execute(
                "INSERT INTO db.leases (pair_id, annotator, expires)"
                " SELECT unnest(CAST($1 AS UUID[])), $2, $3",
                [fresh, self._annotator, expires],
            )
