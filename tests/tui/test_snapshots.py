"""What the screens look like, kept as pictures: look at the report before accepting a change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core.records import JudgeKind
from core.store.opening import open_store
from core.store.tables import make_judge
from core.workspace import Workspace
from tests.building import Scored, add_scored
from tests.tui.driving import NARROW, WIDE, settled, until, workspace_with
from tui.app import AuditFirstApp, RejudgeApp
from tui.screens.audit.screen import AuditScreen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from textual.pilot import Pilot

CODE = '''def watch(folder, callback, interval=0.5):
    """Call back with every path whose time of change has moved on."""
    seen = {}
    while True:
        for path in folder.rglob("*"):
            changed = path.stat().st_mtime_ns
            if seen.get(path, changed) != changed:
                callback(path)  # once for each change
            seen[path] = changed
        time.sleep(interval)
'''
RATIONALE = "Polls the times of change and calls back for each file that moved on, which is it."
ROW = Scored(
    "detecting when files change on disk", CODE, 4, "sync/watcher.py", "watch", rationale=RATIONALE
)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("HOME", str(tmp_path))
    made = workspace_with(tmp_path / "work", [ROW])
    with open_store(made.folder) as store:
        other = Scored(ROW.query, CODE, 2, ROW.path, ROW.symbol, rationale="BM25 rank 9 of 1,204")
        add_scored(store, [other], make_judge("lexical", JudgeKind.LEXICAL))
    return made


async def begun(pilot: Pilot[None]) -> None:
    screen = pilot.app.screen
    assert isinstance(screen, AuditScreen)
    await until(pilot, lambda: screen.session is not None)
    await settled(pilot)


async def in_blind_mode(pilot: Pilot[None]) -> None:
    await begun(pilot)
    await pilot.press("b")


async def in_light(pilot: Pilot[None]) -> None:
    await begun(pilot)
    pilot.app.theme = "textual-light"
    await pilot.pause()


def test_audit_narrow(workspace: Workspace, snap_compare: Callable[..., bool]) -> None:
    assert snap_compare(AuditFirstApp(workspace), terminal_size=NARROW, run_before=begun)


def test_audit_wide_light(workspace: Workspace, snap_compare: Callable[..., bool]) -> None:
    assert snap_compare(AuditFirstApp(workspace), terminal_size=WIDE, run_before=in_light)


def test_audit_narrow_no_color(
    workspace: Workspace, snap_compare: Callable[..., bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(AuditFirstApp(workspace), terminal_size=NARROW, run_before=begun)


def test_audit_wide_blind(workspace: Workspace, snap_compare: Callable[..., bool]) -> None:
    assert snap_compare(AuditFirstApp(workspace), terminal_size=WIDE, run_before=in_blind_mode)


def test_home(workspace: Workspace, snap_compare: Callable[..., bool]) -> None:
    assert snap_compare(RejudgeApp(workspace), terminal_size=NARROW, run_before=settled)


def test_welcome(
    tmp_path: Path, snap_compare: Callable[..., bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    app = RejudgeApp(Workspace(tmp_path / "work"))
    assert snap_compare(app, terminal_size=NARROW, run_before=settled)
