"""What the judges screen looks like, kept as pictures."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from labels.calibration import calibrating
from tests.tui.driving import NARROW, WIDE, settled, until
from tests.tui.judges_driving import workspace_with_judges
from tui.app import RejudgeApp
from tui.screens.judges import JudgesScreen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from textual.pilot import Pilot


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RejudgeApp:
    monkeypatch.setattr(calibrating, "utc_now", lambda: datetime(2030, 6, 1, 12))
    return RejudgeApp(workspace_with_judges(tmp_path))


async def opened(pilot: Pilot[None]) -> None:
    await settled(pilot)
    await pilot.press("g")
    await until(pilot, lambda: isinstance(pilot.app.screen, JudgesScreen))
    screen = pilot.app.screen
    assert isinstance(screen, JudgesScreen)
    await until(pilot, lambda: screen.trust is not None and not screen.message.plain)


async def opened_in_light(pilot: Pilot[None]) -> None:
    pilot.app.theme = "textual-light"
    await opened(pilot)


async def fighting(pilot: Pilot[None]) -> None:
    await opened(pilot)
    await pilot.press("f")


def test_judges_narrow(app: RejudgeApp, snap_compare: Callable[..., bool]) -> None:
    assert snap_compare(app, terminal_size=NARROW, run_before=opened)


def test_judges_wide_light(app: RejudgeApp, snap_compare: Callable[..., bool]) -> None:
    assert snap_compare(app, terminal_size=WIDE, run_before=opened_in_light)


def test_fights_narrow(app: RejudgeApp, snap_compare: Callable[..., bool]) -> None:
    assert snap_compare(app, terminal_size=NARROW, run_before=fighting)
