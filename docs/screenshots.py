"""The README's pictures: ``python docs/screenshots.py DEMO`` writes docs/images/*.svg.

DEMO is a workspace that ``rejudge demo`` built, best one with labels, evals and a finished run. A
copy of it is graded; it stays as it is. Nothing long is begun in the copy: no calibration while
labelling, no eval of a run that still waits for its own. What does not come to rest within a
minute is taken as it is, and told on stderr.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
import tempfile
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING
from unittest.mock import patch

from core.store.opening import open_store
from core.workspace import Workspace
from eval.evals import count_evals
from tui.app import AuditFirstApp, RejudgeApp
from tui.cli.main import main as rejudge
from tui.run_monitor import RunMonitor
from tui.sample_workspace import SAMPLE_JUDGE
from tui.screens.audit.screen import AuditScreen
from tui.screens.home import HomeScreen
from tui.screens.judges import JudgesScreen
from tui.screens.misses.screen import MissesScreen
from tui.screens.train.screen import TrainScreen

if TYPE_CHECKING:
    from textual.pilot import Pilot
    from textual.screen import Screen

SETTINGS = f'annotator = "ada"\njudge = "{SAMPLE_JUDGE}"\nrefit_after = 0\nblind_share = 0\n'
IMAGES = Path(__file__).parent / "images"
SPEC = "python-stdlib"
GRADES = "5 4 space 2 space space 3 space space space"
QUERY = "slash p a t h colon c o n t e x t l i b enter"
#: Seconds that a picture may take to come to rest.
PATIENCE = 60.0
#: Seconds without a change after which a screen is at rest.
REST = 0.5
LOOK = 0.15


async def take(app: RejudgeApp, size: tuple[int, int], keys: tuple[str, ...], name: str) -> None:
    """Run the app, press keys, and keep what is then on the screen.

    Args:
        app: on a workspace.
        size: columns and rows.
        keys: names of keys with spaces between them; the screen comes to rest after each group.
        name: of the picture.
    """
    async with app.run_test(size=size) as pilot:
        rests = await _at_rest(pilot)
        for group in keys:
            await pilot.press(*group.split())
            rests = await _at_rest(pilot)
        app.clear_notifications()
        await pilot.pause()
        svg = app.export_screenshot(title="rejudge")
    if not rests:
        print(f"{name}: not at rest after {PATIENCE:.0f} s, taken as it is", file=sys.stderr)
    IMAGES.mkdir(exist_ok=True)
    (IMAGES / f"{name}.svg").write_text(
        _standing_alone(svg, app.context.workspace.root.parent), encoding="utf-8"
    )


async def _at_rest(pilot: Pilot[None]) -> bool:
    """Wait until the screen shows what it is for and stays as it is; return whether it came to."""
    end = monotonic() + PATIENCE
    before, since = "", monotonic()
    while monotonic() < end:
        await pilot.pause()
        now = pilot.app.export_screenshot()
        if now != before:
            before, since = now, monotonic()
        elif monotonic() - since >= REST and _filled(pilot.app.screen):
            return True
        await asyncio.sleep(LOOK)
    return False


def _filled(screen: Screen[object]) -> bool:
    """Say whether a screen has read what it shows."""
    if isinstance(screen, HomeScreen):
        return screen.context.store is not None and screen.context.runs.last is not None
    if isinstance(screen, AuditScreen):
        return screen.session is not None
    if isinstance(screen, MissesScreen):
        return screen.detail is not None and screen.evals.complete
    if isinstance(screen, JudgesScreen):
        return screen.trust is not None
    if isinstance(screen, TrainScreen):
        seen = screen.context.runs.last
        return seen is not None and screen.chosen in seen.views
    return True


def _standing_alone(svg: str, home: Path) -> str:
    """Take out the fonts that the picture would load from elsewhere, and this machine's path."""
    alone = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    return alone.replace(str(home), "~")


async def take_all(workspace: Workspace, *, runs: bool, trained: bool) -> None:
    """Take every picture, in the order in which a person comes by.

    Args:
        workspace: a copy; it is graded.
        runs: whether it has a run.
        trained: whether the newest has its evals: its misses are looked at then.
    """
    await take(AuditFirstApp(workspace), (118, 34), (GRADES, QUERY), "audit")
    await take(AuditFirstApp(workspace), (80, 24), ("b 4",), "audit-blind")
    await take(RejudgeApp(workspace), (100, 28), (), "home")
    await take(RejudgeApp(workspace), (118, 40), ("g",), "judges")
    if runs:
        await take(RejudgeApp(workspace), (118, 36), ("t",), "train")
    await take(RejudgeApp(workspace), (118, 34), ("t", "m") if trained else ("m",), "misses")


def _prepared(workspace: Workspace) -> tuple[bool, bool]:
    """Evaluate where nothing was; return whether there is a run, and whether it has its evals."""
    from train.runs.store import list_runs, run_evals

    with open_store(workspace.folder) as store:
        evals = count_evals(store)
        runs = list_runs(store)
        trained = bool(runs) and bool(run_evals(store, runs[0]))
    if not evals:
        rejudge(["--workspace", str(workspace.root), "eval", SPEC, "--retriever", "lexical"])
    return bool(runs), trained


def _begin_nothing(*_: object) -> None:
    """Stand in for what would evaluate a run."""


def main() -> None:
    """Copy the workspace and take the pictures."""
    demo = Path(sys.argv[1]).absolute()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "rejudge-demo"
        shutil.copytree(
            demo / ".rejudge",
            root / ".rejudge",
            ignore=shutil.ignore_patterns("indexes", "spill", "backups", "checkpoints"),
        )
        (root / ".rejudge" / "settings.toml").write_text(SETTINGS, encoding="utf-8")
        workspace = Workspace(root)
        runs, trained = _prepared(workspace)
        with patch.object(RunMonitor, "evaluate", _begin_nothing):
            asyncio.run(take_all(workspace, runs=runs, trained=trained))


if __name__ == "__main__":
    main()
