"""Keys typed faster than the screen follows: none acts on what the person has not seen."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

from textual import events

from labels.audit.session import AuditSession
from tests.building import numbered
from tests.labels.judges.playing_server import PlayingServer, ruling
from tests.labels.workshop.audited_store import audited_workspace
from tests.tui.driving import audit, painted, settled, until, workspace_with
from tests.tui.misses_driving import AFTER, BEFORE, misses, workspace_with_evals
from tests.tui.test_workshop_screen import workshop

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from textual.pilot import Pilot

    from labels.audit.filters import AuditFilter

CHARACTERS = {"slash": "/", "colon": ":", "enter": "\r", "escape": "\x1b"}


def burst(pilot: Pilot[None], *keys: str) -> None:
    """Put keys into the app's queue all at once, as a terminal does when it was busy."""
    for key in keys:
        name = {"/": "slash", ":": "colon"}.get(key, key)
        event = events.Key(name, CHARACTERS.get(name, key))
        event.set_sender(pilot.app)
        assert pilot.app._driver is not None
        pilot.app._driver.send_message(event)


async def test_what_is_typed_with_the_key_of_a_line_goes_into_the_line(tmp_path: Path) -> None:
    async with audit(workspace_with(tmp_path, numbered(6))) as sitting:
        burst(sitting.pilot, "/", *"path:4s")
        await settled(sitting.pilot)
        assert "path:4s" in painted(sitting.pilot)
        assert sitting.events() == []
        burst(sitting.pilot, "escape", "n", *"x5", "enter", "4")
        await until(sitting.pilot, lambda: len(sitting.events()) == 2)
        assert [grade for _, grade, _ in sitting.events()] == [None, 4]


async def test_no_key_grades_while_a_filter_is_looked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = Event()
    with_filter = AuditSession.with_filter

    def slow(session: AuditSession, audit_filter: AuditFilter) -> AuditSession:
        assert go_on.wait(60)
        return with_filter(session, audit_filter)

    monkeypatch.setattr(AuditSession, "with_filter", slow)
    async with audit(workspace_with(tmp_path, numbered(9))) as sitting:
        burst(sitting.pilot, "/", *"score:4", "enter", "4", "space", "u", "s", "f")
        await until(sitting.pilot, lambda: "that key did nothing" in sitting.said)
        burst(sitting.pilot, "/", *"path:4")
        await until(sitting.pilot, lambda: "path:4" in painted(sitting.pilot))
        go_on.set()
        await until(sitting.pilot, lambda: sitting.session.audit_filter.active)
        await settled(sitting.pilot)
        assert sitting.screen.board.asking, "what came takes no line away"
        assert "path:4" in painted(sitting.pilot)
        assert sitting.events() == []
        await sitting.press("escape", "4")
        assert [grade for _, grade, _ in sitting.events()] == [4]


async def test_a_pair_that_came_by_itself_is_graded_once_it_is_painted(tmp_path: Path) -> None:
    async with audit(workspace_with(tmp_path, numbered(4))) as sitting:
        screen = sitting.screen
        screen._sit_down(sitting.session)
        screen.action_grade(4)
        screen.action_confirm()
        assert sitting.events() == []
        await settled(sitting.pilot)
        await sitting.press("4")
        assert len(sitting.events()) == 1


async def test_a_key_meant_for_one_screen_does_nothing_on_the_next(tmp_path: Path) -> None:
    async with audit(workspace_with(tmp_path, numbered(4))) as sitting:
        await sitting.press("escape")
        await settled(sitting.pilot)
        burst(sitting.pilot, "a", "4", "space", "s")
        await until(sitting.pilot, lambda: sitting.app.current_mode == "audit")
        await settled(sitting.pilot)
        assert sitting.events() == []


async def test_what_is_typed_after_start_goes_into_its_line(tmp_path: Path) -> None:
    async with misses(workspace_with_evals(tmp_path, BEFORE, AFTER)) as looking:
        burst(looking.pilot, "s", *"xr")
        await settled(looking.pilot)
        assert "searches lexicalxr" in looking.text
        assert looking.app.current_mode == "misses"


async def test_no_key_spends_before_the_cost_is_in_sight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REJUDGE_API_KEY", "k")
    workspace = audited_workspace(tmp_path, [1 + n % 5 for n in range(9)], [3] * 9)
    with PlayingServer(lambda *_: ruling(3)) as server:
        async with workshop(workspace) as (pilot, screen):
            await pilot.press("ctrl+r")
            await pilot.pause()
            text = f"m at:{server.url}"
            await pilot.press("end", "ctrl+u")
            burst(pilot, *text, "enter", "enter", "enter")
            await until(pilot, lambda: screen.trial is not None)
            await settled(pilot)
            assert screen.job is None
            assert not server.requests
            await pilot.press("enter")
            await until(pilot, lambda: screen.result is not None)
