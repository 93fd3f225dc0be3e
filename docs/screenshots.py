"""The README's pictures: ``python docs/screenshots.py DEMO`` writes docs/images/*.svg.

DEMO is a workspace that ``rejudge demo`` built; where a run was trained in it, the train screen is
taken too. A copy of it is graded; it stays as it is.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from core.workspace import Workspace
from train.run_folder import RUNS_NAME
from tui.app import AuditFirstApp, RejudgeApp
from tui.command_line.main import main as rejudge
from tui.sample_workspace import SAMPLE_JUDGE
from tui.screens.pair_screen import PairScreen

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.pilot import Pilot

SETTINGS = f'annotator = "ada"\njudge = "{SAMPLE_JUDGE}"\n'
IMAGES = Path(__file__).parent / "images"
QUERY = "/path:contextlib"
KEYS = ("5", "4", "space", "2", "space", "space", "3", "space", "space", "space")


async def take(app: RejudgeApp, size: tuple[int, int], keys: tuple[str, ...], name: str) -> None:
    """Run the app, press keys, and keep what is then on the screen."""
    async with app.run_test(size=size) as pilot:
        await _settled(pilot)
        screen = app.screen
        if isinstance(screen, PairScreen):
            await _until(pilot, lambda: screen.session is not None)
        for key in keys:
            await pilot.press(key)
            await _settled(pilot)
        svg = app.export_screenshot(title="rejudge")
    IMAGES.mkdir(exist_ok=True)
    (IMAGES / f"{name}.svg").write_text(
        _standing_alone(svg, app.workspace.root.parent), encoding="utf-8"
    )


async def _settled(pilot: Pilot[None]) -> None:
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def _until(pilot: Pilot[None], reached: Callable[[], bool]) -> None:
    while not reached():
        await asyncio.sleep(0.02)
        await pilot.pause()


def _standing_alone(svg: str, home: Path) -> str:
    """Take out the fonts that the picture would load from elsewhere, and this machine's path."""
    alone = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    return alone.replace(str(home), "~")


async def take_all(workspace: Workspace) -> None:
    """Take every picture, in the order in which a person comes by."""
    narrow = tuple({"/": "slash", ":": "colon"}.get(letter, letter) for letter in QUERY)
    await take(AuditFirstApp(workspace), (118, 34), (*KEYS, *narrow, "enter"), "audit")
    await take(AuditFirstApp(workspace), (80, 24), ("b", "4"), "audit-blind")
    await take(RejudgeApp(workspace), (100, 26), (), "home")
    await take(RejudgeApp(workspace), (118, 34), ("m",), "misses")
    await take(RejudgeApp(workspace), (118, 40), ("g",), "judges")
    if (workspace.folder / RUNS_NAME).is_dir():
        await take(RejudgeApp(workspace), (118, 34), ("t",), "train")


def main() -> None:
    """Copy the workspace, evaluate it once, and take the pictures."""
    demo = Path(sys.argv[1]).absolute()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "rejudge-demo"
        shutil.copytree(demo / ".rejudge", root / ".rejudge")
        (root / ".rejudge" / "settings.toml").write_text(SETTINGS, encoding="utf-8")
        rejudge(["--workspace", str(root), "eval", "python-stdlib", "--retriever", "lexical"])
        asyncio.run(take_all(Workspace(root)))


if __name__ == "__main__":
    main()
