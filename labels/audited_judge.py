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
    counts = scored_pairs(store)
    judges = all_judges(store)
    named = [judge for judge in judges if judge.name == name] if name else judges
    if name and not named:
        known = ", ".join(sorted({judge.name for judge in judges})) or "none yet"
        raise InputError(f"there is no judge {name}", todo=f"Judges of this workspace: {known}.")
    candidates = [judge for judge in named if counts.get(judge.id) or name]
    return max(
        candidates,
        key=lambda judge: (judge.kind is not JudgeKind.LEXICAL, counts.get(judge.id, 0), judge.id),
        default=None,
    )
