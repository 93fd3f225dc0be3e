"""What the train screen looks like, kept as pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tui.driving import NARROW, settled, until
from tests.tui.train_driving import workspace_with_runs
from tui.app import RejudgeApp

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from textual.pilot import Pilot

BROAD = (120, 40)


@pytest.fixture
def app(tmp_path: Path) -> RejudgeApp:
    return RejudgeApp(workspace_with_runs(tmp_path))


async def opened(pilot: Pilot[None], *keys: str) -> None:
    app = pilot.app
    assert isinstance(app, RejudgeApp)
    await settled(pilot)
    await pilot.press("t")
    await until(
        pilot, lambda: app.context.runs.last is not None and bool(app.context.runs.last.views)
    )
    for key in keys:
        await pilot.press(key)
        await settled(pilot)


async def stopped(pilot: Pilot[None]) -> None:
    await opened(pilot)


async def finished(pilot: Pilot[None]) -> None:
    await opened(pilot, "end")


async def finished_in_light(pilot: Pilot[None]) -> None:
    pilot.app.theme = "textual-light"
    await opened(pilot, "end")


async def compared(pilot: Pilot[None]) -> None:
    await opened(pilot, "end", "c")


async def formed(pilot: Pilot[None]) -> None:
    await opened(pilot, "n", "down")


def test_train_narrow(app: RejudgeApp, snap_compare: Callable[..., bool]) -> None:
    assert snap_compare(app, terminal_size=NARROW, run_before=stopped)


def test_train_finished_narrow(app: RejudgeApp, snap_compare: Callable[..., bool]) -> None:
    assert snap_compare(app, terminal_size=NARROW, run_before=finished)


def test_train_finished_wide_light(app: RejudgeApp, snap_compare: Callable[..., bool]) -> None:
    assert snap_compare(app, terminal_size=BROAD, run_before=finished_in_light)


def test_train_compared_narrow(app: RejudgeApp, snap_compare: Callable[..., bool]) -> None:
    assert snap_compare(app, terminal_size=NARROW, run_before=compared)


def test_train_form_narrow(app: RejudgeApp, snap_compare: Callable[..., bool]) -> None:
    assert snap_compare(app, terminal_size=NARROW, run_before=formed)
