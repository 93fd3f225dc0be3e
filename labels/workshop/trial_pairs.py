"""The audited pairs that a new prompt version is tried on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import InputError

if TYPE_CHECKING:
    from uuid import UUID

    from core.records import Judge
    from core.store import Store


def trial_pairs(
    store: Store, against: Judge | None = None, sample: int | None = None
) -> tuple[UUID, ...]:
    """Return audited pairs, all of them or a sample, in the order of their ids.

    Ids are hashes, so that the first pairs are a random sample, and a larger sample holds the
    smaller ones: what was asked for the smaller is not asked again.

    Args:
        store: the store.
        against: only pairs that this judge scored.
        sample: how many at most.

    Raises:
        InputError: there are none.
    """
    rows = store.read(
        "SELECT DISTINCT pair_id FROM current_labels"
        " WHERE $1 OR pair_id IN (SELECT pair_id FROM db.judgments"
        "  WHERE judge_id = CAST($2 AS UUID) AND score IS NOT NULL)"
        " ORDER BY pair_id",
        [against is None, against.id if against else None],
    )
    if not rows:
        by = f" that {against.name} scored" if against else ""
        raise InputError(
            f"there are no audited pairs{by}",
            where=str(store.folder.parent),
            todo="Grade some first: rejudge, then a.",
        )
    return tuple(row[0] for row in rows[:sample])
