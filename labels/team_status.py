"""How a team's work stands: who graded what, who has pairs in hand, how far the overlap is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labels.disputes import ADJUDICATED_PAIRS, DISPUTED_PAIRS
from labels.overlap import overlap_of

if TYPE_CHECKING:
    from datetime import datetime

    from core.store import Store


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
