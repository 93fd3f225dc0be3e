"""The app on a team's store: its keys, a server that dies, a terminal that closes, a full disk."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from core.store.opening import open_workspace_store
from tests.faults.full_disk import may_mount, own_file_system
from tests.faults.kills.kill_run import HOUSE
from tests.faults.pseudo_terminal import PATIENCE, PseudoTerminal
from tests.team.team_workspace import grades_there, team_workspace
from tests.tui.driving import WIDE, Sitting, audit, painted, settled, until
from tui.commands import SCREENS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.team.postgres_server import PostgresServer

pytestmark = pytest.mark.both_stores


async def test_the_audit_screen_by_its_keys(postgres: PostgresServer, tmp_path: Path) -> None:
    workspace = team_workspace(tmp_path, postgres.url(postgres.new_database("team")), 12)
    async with audit(workspace, WIDE) as sitting:
        await settled(sitting.pilot)
        first = sitting.query
        await sitting.press("4")
        assert sitting.query != first
        await sitting.press("s")
        await sitting.press("n", *"odd", "enter")
        await sitting.press("2")
        await sitting.press("u")
        await sitting.press("5")
        await sitting.press("/", *"path:m3", "enter")
        await until(sitting.pilot, lambda: sitting.session.audit_filter.active)
        assert "m3.py" in painted(sitting.pilot)
        await settled(sitting.pilot)
        done = [grade or action for action, grade, _ in sitting.events()]
    assert done == [4, "skip", "note", 2, "undo", 5]
    assert grades_there(workspace) == [4, 5]


async def test_every_screen_opens(postgres: PostgresServer, tmp_path: Path) -> None:
    workspace = team_workspace(tmp_path, postgres.url(postgres.new_database("team")), 12)
    async with audit(workspace, WIDE) as sitting:
        for mode in SCREENS:
            await sitting.app.switch_mode(mode)
            await settled(sitting.pilot)
            assert "rejudge" in painted(sitting.pilot), mode
        assert [one.message for one in sitting.app._notifications] == []


def standing(sitting: Sitting) -> list[int]:
    assert sitting.app.store is not None
    rows = sitting.app.store.read(
        "SELECT grade FROM standing_events WHERE grade IS NOT NULL ORDER BY happened, id"
    )
    return [grade for (grade,) in rows]


async def test_a_server_that_goes_and_comes_back_under_the_screen(
    safe_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labels.audit.recording._PAUSE", 0.0)
    workspace = team_workspace(tmp_path, safe_server.url("team"), 24)
    async with audit(workspace, WIDE) as sitting:
        app, pilot = sitting.app, sitting.pilot
        await settled(pilot)
        shown = {sitting.query}
        await sitting.press("4")
        safe_server.kill()
        grades = [4]
        while "no next pair" not in sitting.said:
            shown.add(sitting.query)
            await sitting.press("2")
            await settled(pilot)
            grades.append(2)
            assert len(grades) < 24
        assert len(grades) > 5, "what was ahead is graded all the same"
        waiting = len(grades) - 1
        assert f"{waiting} labels not sent yet" in sitting.screen.board.status._right.plain
        assert [
            one.message.startswith("the team's store cannot be reached")
            for one in app._notifications
        ] == [True]
        await sitting.press("u")
        assert "not done" in sitting.said
        safe_server.start()
        await sitting.press("u")
        grades.pop()
        assert [action for action, _, _ in sitting.events()][-1] == "undo"
        assert standing(sitting) == grades, "what is undone is what was done last"
        while sitting.session.counts.left:
            shown.add(sitting.query)
            await sitting.press("3")
            await settled(pilot)
            grades.append(3)
            assert len(grades) <= 25
        assert len(shown) == 24, "no pair is left out"
        safe_server.kill()
        await sitting.press("[", "1")
        assert sitting.session.waiting == 1
        safe_server.start()
        before = sitting.session
        await sitting.press("/", *"is:labelled", "enter")
        await until(pilot, lambda: sitting.session is not before)
        assert sitting.session.waiting == 0
        assert standing(sitting) == [*grades, 1], "what waited is there, whatever is asked next"
    assert len(grades) == 24


def test_a_closed_terminal_costs_no_label(safe_server: PostgresServer, tmp_path: Path) -> None:
    workspace = team_workspace(tmp_path, safe_server.url("team"), 12)
    with open_workspace_store(workspace) as store:
        journal = store.journal
    with PseudoTerminal("tests.faults.app_in_terminal", str(workspace.root)) as terminal:
        terminal.read_until(lambda: b"query number" in terminal.written)
        for number, grade in enumerate("425", start=1):
            if number == 3:
                safe_server.kill()
            terminal.press(grade)
            terminal.read_until(lambda wanted=number: len(journal.events()) == wanted)  # type: ignore[misc]
        terminal.close()
        terminal.program.wait(PATIENCE)
    safe_server.start()
    assert [event.grade for event in journal.events()] == [4, 2, 5]
    assert grades_there(workspace) == [4, 2, 5]


@pytest.mark.skipif(not may_mount(), reason="no file system can be mounted here")
def test_a_full_disk_of_this_machine(safe_server: PostgresServer, tmp_path: Path) -> None:
    done = subprocess.run(
        own_file_system(
            [
                sys.executable,
                "-m",
                "tests.team.full_local_disk",
                str(tmp_path),
                safe_server.url("team"),
            ]
        ),
        cwd=HOUSE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
