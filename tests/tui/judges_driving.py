"""A workspace with three judges and two annotators, and the app on its judges screen."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from core.ids import event_id
from core.store.opening import open_store
from core.store.sql import insert_missing
from labels.calibration.calibrating import calibrate
from tests.building import new_workspace
from tests.labels.calibration.judged_store import add_judged
from tests.tui.driving import ANNOTATOR, NARROW, Visit, until
from tui.app import RejudgeApp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path
    from uuid import UUID

    from core.store.database import Store
    from core.workspace import Workspace
    from tui.screens.judges import JudgesScreen

TRUTH = [1 + (3 * n + n // 7) % 5 for n in range(60)]
HOSTILE = "other [bold]\x1b[31m"
_COLUMNS = {
    "id": "UUID",
    "happened": "TIMESTAMP",
    "pair_id": "UUID",
    "annotator": "VARCHAR",
    "action": "VARCHAR",
    "grade": "SMALLINT",
    "judgment_id": "UUID",
    "hidden": "BOOLEAN",
    "strategy": "VARCHAR",
}


def moved(grade: int, by: int) -> int:
    """Return a grade moved along the scale."""
    return min(5, max(1, grade + by))


def add_labels(
    store: Store, pairs: Sequence[UUID], grades: Sequence[int], annotator: str = ANNOTATOR
) -> None:
    """Label pairs beside the judge ``gpt``, every third blind, one a minute."""
    seen: dict[UUID, UUID] = dict(
        store.read(
            "SELECT pair_id, id FROM db.judgments WHERE judge_id ="
            " (SELECT id FROM db.judges WHERE name = 'gpt')"
        )
    )
    began = datetime(2030, 5, 3, 12)
    rows = [
        (
            event_id(),
            began + timedelta(minutes=n),
            pair,
            annotator,
            "override",
            grade,
            seen[pair],
            n % 3 == 0,
            "random",
        )
        for n, (pair, grade) in enumerate(zip(pairs, grades, strict=True))
    ]
    with store.transaction() as cursor:
        insert_missing(cursor, "label_events", _COLUMNS, rows)


def workspace_with_judges(folder: Path, *, calibrated: bool = True) -> Workspace:
    """Make a workspace of 60 pairs, three to a query, with judges good, harsh and indifferent."""
    workspace = new_workspace(folder)
    settings = f'annotator = "{ANNOTATOR}"\n'
    (workspace.folder / "settings.toml").write_text(settings, encoding="utf-8")
    with open_store(workspace.folder) as store:
        scores = [moved(truth, (n % 4 == 0) - (n % 7 == 0)) for n, truth in enumerate(TRUTH)]
        pairs = add_judged(store, scores, per_query=3)
        harsh = [moved(truth, -2 if n % 3 else 0) for n, truth in enumerate(TRUTH)]
        add_judged(store, harsh, judge=HOSTILE, per_query=3)
        add_judged(store, [3] * 20, judge="three", per_query=3)
        add_labels(store, pairs, [moved(truth, n % 5 == 0) for n, truth in enumerate(TRUTH)])
        add_labels(store, pairs[:24], TRUTH[:24], "bob")
        if calibrated:
            assert calibrate(store).calibration is not None
    return workspace


class Trusting(Visit):
    """An app at its judges screen."""

    @property
    def screen(self) -> JudgesScreen:
        return cast("JudgesScreen", self.app.screen)

    @property
    def said(self) -> str:
        return self.screen.message.plain

    async def measured(self) -> None:
        """Wait until the figures are there."""
        await until(self.pilot, lambda: self.screen.trust is not None and not self.said)


@asynccontextmanager
async def judges(workspace: Workspace, size: tuple[int, int] = NARROW) -> AsyncIterator[Trusting]:
    """Run the app and go to its judges screen."""
    app = RejudgeApp(workspace)
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: app.store is not None)
        await pilot.press("g")
        await until(pilot, lambda: app.current_mode == "judges")
        trusting = Trusting(app, pilot)
        await trusting.measured()
        yield trusting
