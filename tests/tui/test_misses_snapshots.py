"""What the misses screen looks like, kept as pictures."""

from __future__ import annotations

from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from eval import evaluating
from tests.tui.driving import NARROW, WIDE, settled, until
from tests.tui.misses_driving import AFTER, BEFORE, workspace_with_evals
from tui.app import RejudgeApp
from tui.screens.misses.screen import MissesScreen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from textual.pilot import Pilot


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RejudgeApp:
    numbers = count(1)
    monkeypatch.setattr(evaluating, "event_id", lambda: UUID(int=next(numbers)))
    monkeypatch.setattr(evaluating, "utc_now", lambda: datetime(2030, 5, 3, 12))
    return RejudgeApp(workspace_with_evals(tmp_path, BEFORE, AFTER))


async def opened(pilot: Pilot[None]) -> None:
    await settled(pilot)
    await pilot.press("m")
    await settled(pilot)
    await pilot.press("enter")
    screen = pilot.app.screen
    assert isinstance(screen, MissesScreen)
    await until(pilot, lambda: screen.detail is not None)
    await settled(pilot)


async def opened_in_light(pilot: Pilot[None]) -> None:
    pilot.app.theme = "textual-light"
    await opened(pilot)


def test_misses_narrow(app: RejudgeApp, snap_compare: Callable[..., bool]) -> None:
    assert snap_compare(app, terminal_size=NARROW, run_before=opened)


def test_misses_wide_light(app: RejudgeApp, snap_compare: Callable[..., bool]) -> None:
    assert snap_compare(app, terminal_size=WIDE, run_before=opened_in_light)
