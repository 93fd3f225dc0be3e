"""The page of ``rejudge serve`` in a real browser, where one is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from core.store.journal import LabelJournal
from tests.building import numbered
from tests.tui.driving import workspace_with
from tests.tui.web.browser import browser, installed_browser
from tests.tui.web.served import served

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = installed_browser()
#: Bytes of a picture of its size with nothing in it, several times over.
EMPTY = 12_000


@pytest.mark.slow
@pytest.mark.own_file
@pytest.mark.skipif(PROGRAM is None, reason="no browser is installed (Debian: chromium)")
async def test_it_shows_the_app_and_takes_keys(tmp_path: Path) -> None:
    assert PROGRAM is not None
    settings = "blind_share = 0\nrepeat_share = 0\n"
    workspace = workspace_with(tmp_path / "work", numbered(4), settings)
    journal = LabelJournal(workspace.folder)
    async with (
        served(workspace) as (_, origin),
        browser(PROGRAM, tmp_path / "profile") as page,
    ):
        await page.open(origin)
        await page.until(lambda: b"4 pairs" in page.received)
        assert await page.told("document.body.classList.contains('-first-byte')")
        for key in "a4":
            wanted = b"query number" if key == "a" else b"graded"
            page.received = b""
            await page.press(key)
            await page.until(lambda wanted=wanted: wanted in page.received)  # type: ignore[misc]
        await page.until(lambda: len(journal.events()) == 1)
        assert len(await page.picture()) > EMPTY, "the page is not one colour"
        assert await page.told("document.fonts.check('16px \"Roboto Mono\"')")
        own = {urlsplit(each).netloc for each in page.asked if each != "about:blank"}
        assert own == {urlsplit(origin).netloc}, page.asked
        assert f"{origin.replace('http', 'ws')}/ws" in {
            each.partition("?")[0] for each in page.asked
        }
        assert page.complaints == []
    assert [event.grade for event in journal.events()] == [4]
