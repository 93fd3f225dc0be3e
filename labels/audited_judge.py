"""Which judge an audit is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import InputError
from core.records import Judge, JudgeKind
from labels.judgments import all_judges

if TYPE_CHECKING:
    from uuid import UUID

    from core.store import Store


def scored_pairs(store: Store) -> dict[UUID, int]:
    """Return how many judgments with a score each judge has."""
    rows = store.read(
        "SELECT judge_id, count(*) FROM db.judgments WHERE score IS NOT NULL GROUP BY judge_id"
    )
    return {row[0]: int(row[1]) for row in rows}


def audited_judge(store: Store, name: str = "") -> Judge | None:
    """Return the judge of that name, else the one that scored most; None when nobody scored.

    Of several judges with one name (another prompt, other parameters) the one that scored most is
    taken. The lexical baseline is taken only when no other judge has scored anything.

    Raises:
        InputError: no judge has that name.
    """
    judges = all_judges(store)
    named = [judge for judge in judges if judge.name == name] if name else judges
    if name and not named:
        known = ", ".join(sorted({judge.name for judge in judges})) or "none yet"
        raise InputError(f"there is no judge {name}", todo=f"Judges of this workspace: {known}.")
    if len(named) == 1:
        return named[0] if name or _has_scored(store, named[0]) else None
    counts = scored_pairs(store)
    candidates = [judge for judge in named if counts.get(judge.id) or name]
    return max(
        candidates,
        key=lambda judge: (judge.kind is not JudgeKind.LEXICAL, counts.get(judge.id, 0), judge.id),
        default=None,
    )


def _has_scored(store: Store, judge: Judge) -> bool:
    return bool(
        store.read(
            "SELECT 1 FROM db.judgments WHERE judge_id = $1 AND score IS NOT NULL LIMIT 1",
            [judge.id],
        )
    )
