"""The app as a whole: settings, odd terminals, trouble while writing, leaving."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from core.errors import WorkspaceError
from core.store.journal import LabelJournal
from core.store.opening import open_store
from tests.building import Scored, numbered
from tests.tui.driving import WIDE, audit, home, painted, settled, until, workspace_with
from tui.app import AuditFirstApp
from tui.commands import AUDIT, everywhere

if TYPE_CHECKING:
    from pathlib import Path

    from core.records import LabelEvent


async def test_keys_of_the_settings_are_followed_everywhere(tmp_path: Path) -> None:
    settings = '[keys]\n"audit.skip" = "x"\n"audit.grade_5" = "z"\n'
    async with audit(workspace_with(tmp_path, numbered(5), settings), WIDE) as sitting:
        assert "x skip" in painted(sitting.pilot)
        await sitting.press("s")
        assert sitting.events() == []
        await sitting.press("x", "z", "5")
        assert [(action, grade) for action, grade, _ in sitting.events()] == [
            ("skip", None),
            ("confirm" if sitting.events()[1][0] == "confirm" else "override", 5),
        ]
        await sitting.press("question_mark")
        assert re.search(r"\bz +grade 5", painted(sitting.pilot))


async def test_settings_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    workspace = workspace_with(tmp_path, numbered(2))
    (workspace.folder / "settings.toml").write_text("theme = 3\n", encoding="utf-8")
    async with home(workspace, (120, 40)) as pilot:
        assert "unknown setting or wrong value" in painted(pilot)
        assert "2 pairs to audit" in painted(pilot)


async def test_theme_of_the_settings(tmp_path: Path) -> None:
    workspace = workspace_with(tmp_path, numbered(2), 'theme = "textual-light"\n')
    async with home(workspace) as pilot:
        assert pilot.app.theme == "textual-light"


async def test_a_picked_theme_is_there_at_the_next_start(tmp_path: Path) -> None:
    workspace = workspace_with(tmp_path, numbered(2), 'judge = "gpt"\n[keys]\n"audit.skip" = "x"\n')
    async with home(workspace) as pilot:
        pilot.app.theme = "nord"
        await settled(pilot)
        pilot.app.theme = "textual-light"
        await settled(pilot)
    settings = workspace.settings()
    assert (settings.theme, settings.judge, settings.keys) == (
        "textual-light", "gpt", {"audit.skip": "x"},
    )  # fmt: skip
    async with home(workspace) as pilot:
        assert pilot.app.theme == "textual-light"


@pytest.mark.parametrize("size", [(1, 1), (40, 2)])
async def test_odd_terminals(tmp_path: Path, size: tuple[int, int]) -> None:
    async with audit(workspace_with(tmp_path, numbered(3)), size) as sitting:
        await sitting.press("b", "3", "space", "n", "x", "enter", "j", "end", "i", "escape", "g")
        await sitting.press("escape", "question_mark", "escape", "slash", "escape", "escape")
        await settled(sitting.pilot)
        await sitting.pilot.resize_terminal(80, 24)
        await until(sitting.pilot, lambda: "pairs" in painted(sitting.pilot))


async def test_resizing_moves_the_judge_and_keeps_the_pair(tmp_path: Path) -> None:
    async with audit(workspace_with(tmp_path, numbered(3))) as sitting:
        query = sitting.query
        await sitting.pilot.resize_terminal(160, 50)
        await sitting.pilot.pause()
        assert "RATIONALE" in painted(sitting.pilot)
        await sitting.pilot.resize_terminal(80, 24)
        await sitting.pilot.pause()
        assert "RATIONALE" not in painted(sitting.pilot)
        assert sitting.query == query


async def test_a_grade_that_cannot_be_written_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_journal: LabelJournal, _event: LabelEvent) -> None:
        raise WorkspaceError("the label was not recorded: No space left", todo="Make room.")

    async with audit(workspace_with(tmp_path, numbered(3)), (120, 40)) as sitting:
        query = sitting.query
        with monkeypatch.context() as patch:
            patch.setattr(LabelJournal, "append", full)
            for keys in (["4"], ["space"], ["s"], ["f"], ["n", "x", "enter"], ["escape"]):
                await sitting.press(*keys)
                assert sitting.query == query
        assert sitting.events() == []
        assert sitting.session.counts.done == 0
        assert "not recorded" in painted(sitting.pilot)
        await sitting.press("4")
        assert len(sitting.events()) == 1


async def test_what_was_graded_is_there_after_leaving_at_once(tmp_path: Path) -> None:
    workspace = workspace_with(tmp_path, numbered(9))
    async with audit(workspace) as sitting:
        await sitting.pilot.press("1", "2", "3", "q")
    with open_store(workspace.folder) as store:
        assert store.read("SELECT count(*) FROM current_labels") == [(3,)]


async def test_leaving_before_the_store_is_open(tmp_path: Path) -> None:
    workspace = workspace_with(tmp_path, numbered(3))
    async with AuditFirstApp(workspace).run_test() as pilot:
        await pilot.press("q")
    open_store(workspace.folder).close()


async def test_the_palette_has_every_command(tmp_path: Path) -> None:
    async with audit(workspace_with(tmp_path, numbered(1))) as sitting:
        offered = {command.title for command in sitting.app.get_system_commands(sitting.screen)}
        named = {command.title for command in (*AUDIT.commands, *everywhere().commands)}
        assert named - offered == {"Commands"}


async def test_long_code_stays_quick_to_the_end(tmp_path: Path) -> None:
    rows = [
        Scored("long", "".join(f"def f{n}(a): return a + {n}\n" for n in range(4_000))),
        Scored("wide", "x = '" + "日本" * 100 + "y" * 100_000 + "'\n"),
    ]
    async with audit(workspace_with(tmp_path, rows)) as sitting:
        for _ in rows:
            await sitting.press("end")
            await settled(sitting.pilot)
            await sitting.press(*["l"] * 3)
            if sitting.query == "long":
                assert "3999" in painted(sitting.pilot)
                assert sitting.screen.board.code.code is not None
                assert sitting.screen.board.code.code.lexed(4_000)
            await sitting.press("right")
