"""Driving the app in tests: a workspace on disk, the app on it, and waiting for what it does."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, cast

from core.store.opening import open_store
from tests.building import Scored, add_scored, new_workspace
from tui.app import AuditFirstApp, RejudgeApp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from pathlib import Path

    from textual.pilot import Pilot

    from core.workspace import Workspace
    from labels.audit.session import AuditSession
    from tui.screens.audit.screen import AuditScreen

ANNOTATOR = "ada"
NARROW = (80, 24)
WIDE = (160, 50)


def workspace_with(folder: Path, rows: Iterable[Scored], settings: str = "") -> Workspace:
    """Make a workspace with these pairs, labelled by ``ANNOTATOR``."""
    workspace = new_workspace(folder)
    text = f'annotator = "{ANNOTATOR}"\n{settings}'
    (workspace.folder / "settings.toml").write_text(text, encoding="utf-8")
    with open_store(workspace.folder) as store:
        add_scored(store, rows)
    return workspace


@dataclass
class Sitting:
    """An app at its audit screen, with a pair in sight."""

    app: RejudgeApp
    pilot: Pilot[None]

    @property
    def screen(self) -> AuditScreen:
        return cast("AuditScreen", self.app.screen)

    @property
    def session(self) -> AuditSession:
        session = self.screen.session
        assert session is not None
        return session

    @property
    def query(self) -> str:
        """The query in sight; empty at the end."""
        return self.session.current.query.text if self.session.current else ""

    @property
    def said(self) -> str:
        """What the status line says about the last key."""
        return self.screen.message.plain

    def events(self) -> list[tuple[str, int | None, bool]]:
        """What is in the store: action, grade and whether the score was hidden, in order."""
        assert self.app.store is not None
        return self.app.store.read(
            "SELECT action, grade, hidden FROM db.label_events ORDER BY happened, id"
        )

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()


@asynccontextmanager
async def audit(workspace: Workspace, size: tuple[int, int] = NARROW) -> AsyncIterator[Sitting]:
    """Run the app on its audit screen until the session has begun."""
    app = AuditFirstApp(workspace)
    async with app.run_test(size=size, notifications=True) as pilot:
        sitting = Sitting(app, pilot)
        await until(pilot, lambda: sitting.screen.session is not None)
        yield sitting


@asynccontextmanager
async def home(workspace: Workspace, size: tuple[int, int] = NARROW) -> AsyncIterator[Pilot[None]]:
    """Run the app on its home screen until the store is open, refused, or known to be absent."""
    app = RejudgeApp(workspace)
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(
            pilot, lambda: bool(app.store or app.context.store_error or not workspace.exists)
        )
        await settled(pilot)
        yield pilot


async def settled(pilot: Pilot[None]) -> None:
    """Wait until no work is under way."""
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def until(pilot: Pilot[None], reached: Callable[[], bool]) -> None:
    """Wait for something to become true, at most a minute: a busy machine is slow."""
    patience = monotonic() + 60
    while monotonic() < patience:
        await pilot.pause()
        if reached():
            await pilot.pause()
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came")


def painted(pilot: Pilot[None]) -> str:
    """Return the text on the screen, row by row."""
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in strips)


@dataclass
class Visit:
    """An app at one of its screens."""

    app: RejudgeApp
    pilot: Pilot[None]

    @property
    def text(self) -> str:
        """What is painted."""
        return painted(self.pilot)

    async def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        """Type into the prompt in place of what it holds, and hand it over."""
        await self.press("end", "ctrl+u", *text, "enter")
