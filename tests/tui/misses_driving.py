"""A workspace with two evals, and the app on its misses screen."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

from core.jobs import Job
from core.records import QueryKind
from core.store.opening import open_store
from eval.corpus import load_corpus
from eval.evaluating import evaluate
from eval.specs import add_spec, make_spec
from tests.building import new_workspace
from tests.eval.eval_building import FILES, FixedRetriever, add_corpus, asked
from tests.tui.driving import ANNOTATOR, NARROW, Visit, until
from tui.app import RejudgeApp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from core.records import Spec
    from core.workspace import Workspace
    from tui.screens.misses.screen import MissesScreen

HOSTILE = "root [bold]of\x1b[31m a codebase"
SPEC = make_spec(
    "searches",
    "",
    [
        asked("changes on disk", "src/watcher.rs"),
        asked("listen socket", "src/server.rs", kind=QueryKind.KEYWORD),
        asked(HOSTILE, "src/project.rs", "lib/project.rs"),
    ],
)
BEFORE = {
    "changes on disk": ["src/watcher.rs"],
    "listen socket": ["src/project.rs"],
}
AFTER = {
    "changes on disk": ["src/file_watcher.rs", "src/server.rs", "src/watcher.rs"],
    "listen socket": ["src/server.rs"],
    HOSTILE: ["src/server.rs"],
}


def workspace_with_evals(
    folder: Path, *evals: Mapping[str, Sequence[str]], spec: Spec = SPEC
) -> Workspace:
    """Make a workspace with a corpus, a spec, and one eval of fixed results for each mapping."""
    workspace = new_workspace(folder)
    settings = f'annotator = "{ANNOTATOR}"\n'
    (workspace.folder / "settings.toml").write_text(settings, encoding="utf-8")
    with open_store(workspace.folder) as store:
        add_corpus(store, FILES)
        add_spec(store, spec)
        for results in evals:
            retriever = FixedRetriever(results, name="lexical")
            evaluate(store, spec, load_corpus(store), retriever, Job(), k=2)
    return workspace


class Looking(Visit):
    """An app at its misses screen."""

    @property
    def screen(self) -> MissesScreen:
        return cast("MissesScreen", self.app.screen)

    @property
    def said(self) -> str:
        return self.screen.message.plain

    @property
    def listed(self) -> list[str]:
        return [row.text for row in self.screen.evals.rows]

    async def open(self) -> None:
        """Look into the query under the cursor."""
        await self.press("enter")
        await until(self.pilot, lambda: self.screen.detail is not None)


@asynccontextmanager
async def misses(workspace: Workspace, size: tuple[int, int] = NARROW) -> AsyncIterator[Looking]:
    """Run the app and go to its misses screen."""
    app = RejudgeApp(workspace)
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: app.store is not None)
        await pilot.press("m")
        looking = Looking(app, pilot)
        await until(pilot, lambda: app.current_mode == "misses")
        await app.workers.wait_for_complete()
        await pilot.pause()
        yield looking
