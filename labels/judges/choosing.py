"""Finding a judge of the workspace by its name, or the one that an audit is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import InputError
from core.records import Judge, JudgeKind
from core.store.tables import all_judges

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from core.store.database import Store


def scored_pairs(store: Store) -> dict[UUID, int]:
    """Return how many judgments with a score each judge has."""
    rows = store.read(
        "SELECT judge_id, count(*) FROM db.judgments WHERE score IS NOT NULL GROUP BY judge_id"
    )
    return {row[0]: int(row[1]) for row in rows}


def audited_judge(store: Store, name: str = "") -> Judge | None:
    """Return the judge that an audit is about; None when no judge has scored anything.

    It is the judge that scored most, among those with this name where one is given. The lexical
    baseline counts only when no other judge has scored.

    Raises:
        InputError: no judge has that name.
    """
    judges = all_judges(store)
    named = [judge for judge in judges if judge.name == name] if name else judges
    if name and not named:
        raise _unknown(name, judges)
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


def find_judge(store: Store, text: str) -> Judge:
    """Return the judge called ``NAME``, or ``NAME@VERSION`` where several have the name.

    ``VERSION`` is the beginning of the prompt version or of the judge's id.

    Raises:
        InputError: no judge matches, or several do.
    """
    judges = all_judges(store)
    found = [judge for judge in judges if judge.name == text]
    if not found and "@" in text:
        name, _, version = text.rpartition("@")
        found = [
            judge
            for judge in judges
            if judge.name == name
            and version
            and (judge.prompt_version.startswith(version) or str(judge.id).startswith(version))
        ]
    if len(found) == 1:
        return found[0]
    if found:
        ways = ", ".join(f"{text.partition('@')[0]}@{str(judge.id)[:8]}" for judge in found)
        raise InputError(f"several judges are called {text}", todo=f"Name one: {ways}")
    raise _unknown(text, judges)


def _unknown(name: str, judges: Iterable[Judge]) -> InputError:
    known = ", ".join(sorted({judge.name for judge in judges})) or "none yet"
    return InputError(f"there is no judge {name}", todo=f"Judges of this workspace: {known}.")
