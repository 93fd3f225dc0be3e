"""Who has which pair in hand, so that a team does not grade the same ones unawares.

A pair goes to as many people as the store's overlap says. Who graded it holds it for good, who is
about to holds a lease: for half an hour by the store's clock, then somebody else may have it.
"""

from __future__ import annotations

from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING, Final

from core.rows import one_of
from labels.overlap import overlap_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from duckdb import DuckDBPyConnection

    from core.store import Store

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
        return cls(store, annotator, overlap) if overlap and store.stand_in is None else None

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
