"""Dividing the pairs among a team: how many people grade each, who has which, and the progress.

A pair goes to as many people as the store's overlap says. A person who graded it counts for good; a
person who is about to grade it has a lease, which expires after half an hour by the store's clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from core.store.sql import one_of
from labels.audit.filters import ADJUDICATED_PAIRS, DISPUTED_PAIRS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from duckdb import DuckDBPyConnection

    from core.store.database import Store


#: The overlap at which every pair goes to everybody.
EVERYBODY: Final = 0
_NAME: Final = "overlap"


def overlap_of(store: Store) -> int:
    """Return how many people grade each pair.

    The default is one person in a team's store and everybody in a workspace's own file.
    """
    rows = store.read("SELECT value FROM db.store_settings WHERE name = $1", [_NAME])
    if rows:
        return int(rows[0][0])
    return 1 if store.shared else EVERYBODY


def set_overlap(store: Store, people: int) -> None:
    """Set how many people grade each pair, ``EVERYBODY`` for no limit.

    Raises:
        InputError: the number is negative.
        StoreError: it could not be written.
    """
    if people < 0:
        raise InputError(
            f"{people} people cannot grade a pair", todo="Give 1 or more, or 0 for everybody."
        )
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
    """One person: pairs graded, skipped and leased, and the time of their last event."""

    name: str
    graded: int
    skipped: int
    in_hand: int
    last: datetime | None


@dataclass(frozen=True, slots=True)
class TeamStatus:
    """Progress of a team.

    ``graded_by`` has, for each number of people, the pairs that exactly so many have graded.
    ``overlap`` is how many people grade each pair, 0 for everybody. ``disputed`` counts pairs in
    dispute, ``adjudicated`` pairs whose dispute is settled.
    """

    overlap: int
    pairs: int
    graded_by: dict[int, int]
    members: tuple[Member, ...]
    disputed: int
    adjudicated: int

    @property
    def done(self) -> int:
        """The number of pairs that enough people have graded."""
        return sum(
            pairs for people, pairs in self.graded_by.items() if people >= max(1, self.overlap)
        )


def team_status(store: Store) -> TeamStatus:
    """Read the progress of the team."""
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
#: A lease with less time left than this is renewed before its pair is shown.
_MARGIN: Final = timedelta(minutes=5)


class Leases:
    """The leases of one annotator's session. Thread-safe: the store serialises them.

    Args:
        store: the store.
        annotator: who grades.
        overlap: how many people grade each pair.
    """

    def __init__(self, store: Store, annotator: str, overlap: int) -> None:
        self._store = store
        self._annotator = annotator
        self.overlap = overlap
        #: Until when each lease surely holds, on this machine's monotonic clock.
        self._until: dict[UUID, float] = {}

    @classmethod
    def of(cls, store: Store, annotator: str) -> Leases | None:
        """Return the leases of a session; None if every pair goes to everybody."""
        overlap = overlap_of(store)
        return cls(store, annotator, overlap) if overlap and store.read_only_copy is None else None

    def claim(self, pairs: Sequence[UUID], most: int) -> list[UUID]:
        """Lease the first available pairs, at most ``most``, and return them.

        Raises:
            StoreError: the store cannot be reached or written; nothing was leased.
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
        """Return whether the pair is still leased, renewing a lease that is about to expire."""
        if self._until.get(pair, 0.0) > monotonic():
            return True
        return bool(self.claim([pair], 1))

    def release(self, pairs: Sequence[UUID] | None = None) -> None:
        """Release the leases of these pairs; None: of all.

        Raises:
            StoreError: the store cannot be reached; the leases will expire.
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
        """Return how many other people graded or leased each pair, without pairs at 0."""
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
