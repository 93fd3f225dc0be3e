"""Home: welcome, the loop in counts, what to do next, and a workspace that cannot be opened."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

from core.records import Estimate, Judge, JudgeKind
from core.workspace import Workspace
from eval.evals import EvalSummary, KindFigures
from labels.status import JudgeStatus, WorkspaceStatus
from tests.building import new_workspace, numbered
from tests.tui.driving import WIDE, audit, home, painted, settled, until, workspace_with
from tests.tui.misses_driving import AFTER, BEFORE, workspace_with_evals
from tui.app import AuditFirstApp
from tui.screens.audit.screen import AuditScreen
from tui.screens.home import HomeScreen
from tui.shown.home import (
    DEMO,
    IMPORT_CORPUS,
    IMPORT_SPEC,
    JUDGE_OFFLINE,
    MINE_PAIRS,
    TRAIN,
    LoopSeen,
    loop_text,
    next_step,
)
from tui.words import judge_name

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
DAY = datetime(2030, 5, 3)
EVAL = EvalSummary(UUID(int=1), UUID(int=2), "searches", "lexical", "{}", "", "", 1, 10, DAY, DAY)


async def test_welcome_without_a_workspace(tmp_path: Path) -> None:
    async with home(Workspace(tmp_path)) as pilot:
        shown = painted(pilot)
        assert shown.index("rejudge demo") < shown.index("rejudge import pairs")
        assert "rejudge import corpus" in shown
        await pilot.press("c")
        assert pilot.app.clipboard == "rejudge demo"
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(pilot.app.screen, HomeScreen)
        assert not (tmp_path / ".rejudge").exists()


async def test_welcome_in_an_empty_workspace(tmp_path: Path) -> None:
    async with home(new_workspace(tmp_path)) as pilot:
        assert "rejudge demo" in painted(pilot)
        await pilot.press("a")
        await settled(pilot)
        assert "There is no pair to audit yet." in painted(pilot)


async def test_the_audit_screen_without_a_workspace_gives_way_to_home(tmp_path: Path) -> None:
    app = AuditFirstApp(Workspace(tmp_path))
    async with app.run_test() as pilot:
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        assert "rejudge demo" in painted(pilot)


async def test_the_loop_in_counts(tmp_path: Path) -> None:
    workspace = workspace_with(tmp_path, numbered(4))
    async with home(workspace) as pilot:
        shown = painted(pilot)
        assert "4 documents · 4 queries · 4 pairs" in shown
        assert "imported scores" in shown
        assert "4 pairs to audit" in shown
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, AuditScreen))
        await settled(pilot)
        await pilot.press("5", "escape")
        await settled(pilot)
        shown = painted(pilot)
        assert "1 of 4 pairs labelled" in shown
        assert "3 pairs to audit" in shown


@pytest.mark.parametrize(
    ("status", "command"),
    [
        (WorkspaceStatus(), DEMO),
        (WorkspaceStatus(documents=3, corpus_documents=3), IMPORT_SPEC),
        (WorkspaceStatus(queries=3), IMPORT_CORPUS),
        (WorkspaceStatus(documents=3, corpus_documents=3, queries=3), MINE_PAIRS),
        (WorkspaceStatus(documents=3, queries=3, pairs=3), JUDGE_OFFLINE),
        (WorkspaceStatus(documents=3, queries=3, pairs=3, judgments_ok=3), ""),
        (
            WorkspaceStatus(documents=3, queries=3, pairs=3, judgments_ok=3, labelled_pairs=3),
            TRAIN,
        ),
    ],
)
def test_the_next_step_carries_the_loop_on(status: WorkspaceStatus, command: str) -> None:
    assert next_step(status).command == command


@pytest.mark.parametrize(
    ("kind", "badge"),
    [
        (JudgeKind.LEXICAL, "lexical baseline, no model"),
        (JudgeKind.SAMPLE, "sample: shipped with rejudge"),
        (JudgeKind.IMPORTED, "imported scores"),
        (JudgeKind.LLM, "some-model"),
    ],
)
def test_judges_are_called_what_they_are(kind: JudgeKind, badge: str) -> None:
    judge = Judge(uuid4(), "mine", kind, model="some-model")
    assert badge in judge_name(judge).plain
    status = WorkspaceStatus(
        documents=1, pairs=2, judgments_ok=2, judges=(JudgeStatus(judge, 2, 1, 2, 1),)
    )
    keys = {"audit": "enter", "train": "t", "misses": "m", "copy": "c"}
    text = loop_text(status, next_step(status), LoopSeen(), keys, 24).plain
    assert badge in text
    assert "1 failed" in text
    assert "you agree with mine on 50% (1 of 2)" in text


HOLDER = """
import sys
from pathlib import Path
from core.store.database import Store
from core.store.opening import open_store
store = open_store(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
"""


@contextmanager
def held_open(workspace: Workspace) -> Iterator[subprocess.Popen[bytes]]:
    """Let another process open the database until the block ends or its stdin is closed."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(workspace.folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        yield holder
    finally:
        holder.kill()
        holder.communicate()


async def test_a_workspace_that_another_process_has_open(tmp_path: Path) -> None:
    workspace = workspace_with(tmp_path, numbered(2))
    with held_open(workspace) as holder:
        async with home(workspace, WIDE) as pilot:
            shown = painted(pilot)
            assert "another process has this workspace open" in shown
            assert f"process {holder.pid}" in shown
            assert "to do" in shown
            await pilot.press("a")
            assert isinstance(pilot.app.screen, HomeScreen)
            holder.communicate()
            await pilot.press("r")
            await settled(pilot)
            assert "2 pairs to audit" in painted(pilot)


async def test_a_damaged_database_is_told_and_the_app_stays_usable(tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path)
    (workspace.folder / "rejudge.duckdb").write_bytes(b"no database" * 1000)
    app = AuditFirstApp(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: "damaged" in painted(pilot))
        assert isinstance(app.screen, HomeScreen)
        await pilot.press("q")
    assert app.return_code == 0


async def test_home_at_a_glance_fits_80_by_24(tmp_path: Path) -> None:
    async with home(workspace_with(tmp_path, numbered(4))) as pilot:
        shown = painted(pilot).splitlines()
        assert len(shown) == 24
        assert "q quit" in shown[-1]
        assert any("press enter to audit" in line for line in shown)


async def test_home_tells_the_latest_figures_beside_their_goals(tmp_path: Path) -> None:
    async with home(workspace_with_evals(tmp_path, BEFORE, AFTER)) as pilot:
        shown = painted(pilot)
        assert "1 spec with 3 queries · 2 evaluations" in shown
        assert "latest: lexical, R@2" in shown
        assert "semantic 0.000 · keyword 1.000" in shown


def test_what_the_latest_eval_missed_is_offered_where_a_goal_is_not_reached() -> None:
    status = WorkspaceStatus(documents=1, pairs=2, queries=2, judgments_ok=2, specs=1)
    keys = {"audit": "enter", "train": "t", "misses": "m", "copy": "c"}

    def shown(semantic: float) -> str:
        figure = Estimate(semantic, semantic, semantic)
        latest = replace(EVAL, by_kind=(KindFigures("semantic", 9, {"R@10": figure}),))
        seen = LoopSeen(evals=1, latest=latest, under_way="evaluating the run: 9 of 12 documents")
        return loop_text(status, next_step(status), seen, keys, 50).plain

    assert "semantic 0.700 ✗ below 0.90" in shown(0.7)
    assert "m to start with what the latest evaluation missed" in shown(0.7)
    assert "evaluating the run: 9 of 12 documents" in shown(0.7)
    assert "to start with" not in shown(0.95)


def test_where_there_is_little_room_the_stages_stand_close_together() -> None:
    status = WorkspaceStatus(documents=1, pairs=2, queries=2, judgments_ok=2, specs=1)
    keys = {"audit": "enter", "train": "t", "misses": "m", "copy": "c"}
    high, low = (
        loop_text(status, next_step(status), LoopSeen(), keys, height).plain for height in (50, 9)
    )
    assert high.count("\n\n") > low.count("\n\n")
    assert [line for line in high.splitlines() if line] == [
        line for line in low.splitlines() if line
    ]


async def test_audit_counts_reach_home_after_an_undo(tmp_path: Path) -> None:
    async with audit(workspace_with(tmp_path, numbered(3))) as sitting:
        await sitting.press("1", "u", "escape")
        await settled(sitting.pilot)
        assert "0 of 3 pairs labelled" in painted(sitting.pilot)
