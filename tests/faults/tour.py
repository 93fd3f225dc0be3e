"""The app in its terminal, driven through every screen: ``python -m tests.faults.tour ROOT SEEN``.

Each screen is entered and each of its commands is run, but for those that only move or that begin
work. What was painted is written to SEEN, by screen.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from textual.widgets import Input

from core.workspace import Workspace
from tests.faults.hostile_workspace import PROMPT
from tests.faults.pseudo_terminal import own_terminal
from tests.tui.driving import painted, settled, until
from tui.app import RejudgeApp
from tui.commands import SCREENS, everywhere

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from tui.commands import Command

_MOVES: Final = ("code(", "go(", "scroll_", "app.show(", "app.quit", "app.leave")
#: These begin work of seconds or minutes.
_WORK: Final = frozenset({"train.start", "train.resume", "judges.calibrate", "misses.tokens"})


def commands_of(mode: str) -> list[Command]:
    """Return what is run on a screen; on the first one also what holds everywhere."""
    shared = everywhere().commands if mode == next(iter(SCREENS)) else ()
    return [
        command
        for command in (*SCREENS[mode].commands, *shared)
        if not command.action.startswith(_MOVES) and command.id not in _WORK
    ]


async def tour(pilot: Pilot[None], seen: dict[str, list[str]]) -> None:
    """Enter every screen and run its commands."""
    app = pilot.app
    assert isinstance(app, RejudgeApp)
    await until(pilot, lambda: app.store is not None)
    for mode in SCREENS:
        shown = seen.setdefault(mode, [])
        for command in [None, *commands_of(mode)]:
            if app.current_mode != mode:
                await app.switch_mode(mode)
                await settled(pilot)
            if command is not None:
                await pilot.press(command.keys.split(",")[0])
                await settled(pilot)
            shown.append(painted(pilot))
            if isinstance(app.focused, Input):
                # A name for what asks for a prompt's, nonsense for what asks for something else.
                await pilot.press("end", "ctrl+u", *PROMPT, "enter")
                await settled(pilot)
                shown.append(painted(pilot))
            await _back(pilot)


async def _back(pilot: Pilot[None]) -> None:
    """Leave what lies over the screen, or a line that is being typed."""
    while len(pilot.app.screen_stack) > 1 or isinstance(pilot.app.focused, Input):
        before = (len(pilot.app.screen_stack), pilot.app.focused)
        await pilot.press("escape")
        await settled(pilot)
        assert before != (len(pilot.app.screen_stack), pilot.app.focused), "escape did nothing"


def main(root: str, report: str) -> int:
    """Run the app and return the exit status."""
    own_terminal()
    seen: dict[str, list[str]] = {}

    async def drive(pilot: Pilot[object]) -> None:
        await tour(cast("Pilot[None]", pilot), seen)
        pilot.app.exit()

    app = RejudgeApp(Workspace(Path(root)))
    app.run(auto_pilot=drive)
    Path(report).write_text(json.dumps(seen), encoding="utf-8")
    return app.return_code or 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
