"""The prompt workshop, key by key, against a server on loopback."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import pytest

from core.errors import InputError
from labels.workshop.prompts import saved_prompts
from labels.workshop.trials import TrialRequest, parse_trial
from tests.labels.judges.playing_server import PlayingServer, error, ruling
from tests.labels.workshop.audited_store import audited_workspace
from tests.tui.driving import painted, settled, until
from tui.app import RejudgeApp
from tui.widgets.bars import KeyBar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from textual.pilot import Pilot

    from core.workspace import Workspace
    from tests.labels.judges.playing_server import Answer
    from tui.screens.workshop import WorkshopScreen

SCORES = [1 + (3 * n) % 5 for n in range(30)]
GRADES = [1 + (n // 2) % 5 for n in range(18)]
KEY = "k-planted-123"


def play(body: dict[str, Any], _: int) -> Answer:
    code = body["messages"][1]["content"].rpartition("return ")[2]
    return ruling(1 + int(code.split()[0]) // 2 % 5)


@pytest.fixture(name="workspace")
def _workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("REJUDGE_API_KEY", KEY)
    return audited_workspace(tmp_path, SCORES, GRADES)


@asynccontextmanager
async def workshop(workspace: Workspace) -> AsyncIterator[tuple[Pilot[None], WorkshopScreen]]:
    app = RejudgeApp(workspace)
    async with app.run_test(size=(200, 40), notifications=True) as pilot:
        await until(pilot, lambda: app.store is not None)
        await pilot.press("f4")
        await until(pilot, lambda: app.current_mode == "workshop")
        screen = cast("WorkshopScreen", app.screen)
        await until(pilot, lambda: bool(screen.rubric.text))
        yield pilot, screen


async def give(pilot: Pilot[None], text: str) -> None:
    await pilot.pause()
    await pilot.press("end", "ctrl+u", *text, "enter")
    await settled(pilot)


async def test_the_line_of_keys_names_none_that_would_be_typed(workspace: Workspace) -> None:
    async with workshop(workspace) as (pilot, _):
        shown = pilot.app.screen.query_one(KeyBar).render().plain
        assert shown.split("   ") == [
            "ctrl+r try",
            "ctrl+s save",
            "ctrl+o open",
            "esc back",
            "f1 help",
        ]
        await pilot.press("f1")
        await until(pilot, lambda: pilot.app.current_mode != "workshop")


async def test_a_rubric_is_edited_tried_compared_and_kept(workspace: Workspace) -> None:
    with PlayingServer(play) as server:
        async with workshop(workspace) as (pilot, screen):
            assert "exactly what is wanted" in screen.rubric.text
            await pilot.press("B", "e", "?", "q", "space")
            assert screen.rubric.text.startswith("Be?q You judge")
            await pilot.press("ctrl+r")
            await give(pilot, f"m as:strict sample:12 at:{server.url}")
            assert "12 pairs to ask about" in painted(pilot)
            assert not server.requests, "the cost comes before the spending"
            assert screen.context.store is not None
            assert saved_prompts(screen.context.store) == ()
            await pilot.press("enter")
            await until(pilot, lambda: screen.result is not None)
            assert len(server.requests) == 12
            assert server.requests[0]["messages"][0]["content"].startswith("Be?q You judge")
            text = painted(pilot)
            assert "12 labels on 12 pairs of" in " ".join(text.split())
            assert "kappa (quadratic)" in text
            assert "nearer to people, 0 farther" in text
            assert "18 pairs to ask about" in text
            assert "12 judged, 0 failed" in screen.message.plain
            assert [one.name for one in saved_prompts(screen.context.store)] == ["strict"]


async def test_a_version_is_saved_and_opened_again(workspace: Workspace) -> None:
    async with workshop(workspace) as (pilot, screen):
        screen.rubric.load_text("Be mild.")
        await pilot.press("ctrl+s")
        await give(pilot, "default")
        assert "comes with rejudge" in painted(pilot)
        await give(pilot, "mild")
        assert "saved: mild" in screen.message.plain
        await pilot.press("ctrl+o")
        await settled(pilot)
        await give(pilot, "default")
        await until(pilot, lambda: "exactly" in screen.rubric.text)
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.current_mode == "home")


async def test_what_goes_wrong_is_said_and_the_screen_stays(workspace: Workspace) -> None:
    with PlayingServer(lambda *_: error(401, f"bad key {KEY}")) as server:
        async with workshop(workspace) as (pilot, screen):
            await pilot.press("ctrl+r")
            await give(pilot, "m colour:red")
            assert "colour: is not an option" in painted(pilot)
            await give(pilot, f"m at:{server.url} against:nobody")
            assert "there is no judge nobody" in painted(pilot)
            await pilot.press("ctrl+r")
            await give(pilot, f"m at:{server.url}")
            await pilot.press("enter")
            await until(pilot, lambda: "refuses the API key" in painted(pilot))
            assert KEY not in painted(pilot)
            assert screen.job is None
            screen.rubric.load_text(" ")
            await pilot.press("ctrl+r")
            await give(pilot, f"m at:{server.url}")
            assert "the rubric is empty" in painted(pilot)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("m", TrialRequest("m", "new")),
        ("a/b:7 as:x sample:all", TrialRequest("a/b:7", "x")),
        ("m sample:9 examples:2", TrialRequest("m", "new", 9, 2)),
        (
            "m at:http://h:1/v1 against:m x5",
            TrialRequest("m", "new", address="http://h:1/v1", against="m x5"),
        ),
    ],
)
def test_a_line_is_a_request(text: str, expected: TrialRequest) -> None:
    assert parse_trial(text) == expected


@pytest.mark.parametrize(
    "text", ["", "a b", "m x:1", "m sample:0", "m sample:x", "m examples:-1", "m as:"]
)
def test_lines_that_are_none(text: str) -> None:
    with pytest.raises(InputError):
        parse_trial(text)
