"""A store with judged and audited pairs, several to a query."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.ids import event_id, utc_now
from core.store.opening import open_store
from core.store.sql import insert_missing
from tests.building import Scored, add_scored, new_workspace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from core.records import Judge
    from core.store.database import Store
    from core.workspace import Workspace

PER_QUERY = 3


def rows(scores: Sequence[int]) -> list[Scored]:
    """Return one pair for each score, three to a query."""
    return [
        Scored(
            f"query {number // PER_QUERY}",
            f"def f{number}(): return {number}",
            score,
            path=f"m{number}.py",
            symbol=f"f{number}",
        )
        for number, score in enumerate(scores)
    ]


def grade(store: Store, graded: Iterable[tuple[Scored, int]], strategy: str = "") -> None:
    """Let somebody grade pairs."""
    columns = {
        "id": "UUID",
        "happened": "TIMESTAMP",
        "pair_id": "UUID",
        "annotator": "VARCHAR",
        "action": "VARCHAR",
        "grade": "SMALLINT",
        "hidden": "BOOLEAN",
        "strategy": "VARCHAR",
    }
    events = [
        (event_id(), utc_now(), row.pair_id, "ada", "override", given, True, strategy or None)
        for row, given in graded
    ]
    with store.transaction() as cursor:
        insert_missing(cursor, "label_events", columns, events)


def audited_workspace(
    folder: Path, scores: Sequence[int], grades: Sequence[int], judge: Judge | None = None
) -> Workspace:
    """Make a workspace whose first pairs are graded; ``gpt`` or ``judge`` scored them all."""
    workspace = new_workspace(folder)
    with open_store(workspace.folder) as store:
        made = rows(scores)
        add_scored(store, made, judge)
        grade(store, zip(made, grades, strict=False))
    return workspace
