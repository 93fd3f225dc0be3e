"""The registry of screens: what an entry there is enough for."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

from textual.widgets import Static

from tests.building import numbered
from tests.tui.driving import painted, settled, until, workspace_with
from tui.app import RejudgeApp
from tui.commands import AUDIT, SCREENS, Command, Section, bindings_of, everywhere
from tui.keys import keys_page
from tui.screens.base import WorkspaceScreen
from tui.screens.help import help_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pytest
    from textual.widget import Widget

TOY = Section(
    "Toy",
    (Command("toy.wave", "w", "wave", "Wave", "wave at the person", "wave"),),
    "a_toy:ToyScreen",
    Command("app.toy", "f9", "app.show('toy')", "Go to Toy", "go to the toy screen"),
)


class ToyScreen(WorkspaceScreen):
    SECTION = TOY
    BINDINGS = bindings_of(TOY)

    def body(self) -> Iterable[Widget]:
        yield Static("a toy", id="toy")

    def action_wave(self) -> None:
        self.query_one("#toy", Static).update("hello")


async def test_an_entry_brings_key_palette_footer_help_and_documentation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("a_toy")
    module.ToyScreen = ToyScreen  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "a_toy", module)
    monkeypatch.setitem(SCREENS, "toy", TOY)

    class App(RejudgeApp):
        BINDINGS = bindings_of(everywhere())

    app = App(workspace_with(tmp_path, numbered(2)))
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: app.store is not None)
        await pilot.press("f9")
        await until(pilot, lambda: app.current_mode == "toy")
        await pilot.press("w")
        await settled(pilot)
        assert "hello" in painted(pilot)
        assert "w wave" in painted(pilot)
        await pilot.press("f2")
        await until(pilot, lambda: app.current_mode == "home")
        await pilot.press("ctrl+p")
        await settled(pilot)
        await pilot.press(*"toy")
        await until(pilot, lambda: "Go to Toy" in painted(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: app.current_mode == "toy")
    assert "| `f9` | go to the toy screen | `app.toy` |" in keys_page()
    assert "wave at the person" in help_text(app.context.key_table, "toy", 80).plain


def test_every_screen_can_be_opened_from_everywhere(tmp_path: Path) -> None:
    app = RejudgeApp(workspace_with(tmp_path, numbered(1)))
    actions = {command.action for command in everywhere().commands}
    assert {f"app.show('{name}')" for name in SCREENS} <= actions
    assert "train" in " ".join(command.title.lower() for command in everywhere().commands)
    assert app._make("audit").SECTION is AUDIT
