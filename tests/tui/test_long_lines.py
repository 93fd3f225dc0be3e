"""Documents, queries and rationales of enormous width: shown, and no key has to measure them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len
from textual.strip import Strip

from core.text import SHOWN_CHARACTERS, shortened
from tests.building import Scored
from tests.tui.driving import WIDE, audit, painted, workspace_with
from tui.widgets import code as code_view
from tui.widgets import code_text
from tui.widgets import code_text as long_line
from tui.widgets.code import CodeView
from tui.widgets.code_text import CodeText, LongLine

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = 100_000


@pytest.mark.parametrize(
    "text", ["日é" * 50_000, "e\u0301a" * 30_000, "ab日" * 3_333, "\u0301" * 999]
)
def test_a_part_of_a_long_line_is_what_cropping_the_whole_gives(text: str) -> None:
    line = LongLine(text)
    assert line.cells == cell_len(text)
    for left in (0, 1, 255, 700, line.cells - 40, line.cells, line.cells + 9):
        part, before = line.part(max(0, left), 120)
        assert len(part) <= 1_000
        shown = cropped(part, before, before + 120)
        wanted = cropped(text, left, left + 120)
        assert shown[:50] == wanted[:50] or not wanted.strip("\u0301")


def cropped(text: str, start: int, end: int) -> str:
    from rich.segment import Segment

    return Strip([Segment(text)]).crop(max(0, start), end).text


@pytest.mark.parametrize(
    ("character", "language"),
    [("x=1;", "python"), ("(", "rust"), ("日", "go"), ("\u202e", "c"), ("\t", "java")],
)
async def test_lines_of_a_hundred_thousand_columns_are_shown_and_scrolled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, character: str, language: str
) -> None:
    """Whatever is measured or coloured while a key is handled is short."""
    line = (character * COLUMNS)[:COLUMNS]
    row = Scored("wide", f"{line}\n" * 10 + "the end", language=language)
    async with audit(workspace_with(tmp_path, [row]), WIDE) as sitting:
        await sitting.pilot.app.workers.wait_for_complete()
        measured: list[int] = []
        real = cell_len

        def measuring(text: str) -> int:
            measured.append(len(text))
            return real(text)

        for module in (code_text, long_line):
            monkeypatch.setattr(module, "cell_len", measuring)
        monkeypatch.setattr(code_view, "Strip", _Measured)
        _Measured.longest = 0
        view = sitting.screen.query_one(CodeView)
        shown = painted(sitting.pilot)
        assert "the end" in shown
        for move in ("right", "bottom", "right", "top", "left"):
            view.move(move)
            await sitting.pilot.pause()
        view.scroll_to(90_000, 0, animate=False, immediate=True)
        await sitting.pilot.pause()
        assert view.scroll_offset.x == 90_000
        end = painted(sitting.pilot)
        assert "the end" not in end
        assert any(part in end for part in ("x=1;", "((((", "日日", "U+202E", "   "))
        assert max(measured, default=0) <= 1_000
        assert _Measured.longest <= 1_000


class _Measured(Strip):
    """A strip that remembers how much text it was ever made of."""

    longest = 0

    def __init__(self, segments: object, cell_length: int | None = None) -> None:
        super().__init__(segments, cell_length)  # type: ignore[arg-type]
        _Measured.longest = max(_Measured.longest, sum(len(each.text) for each in self))


def test_long_lines_have_no_colours_and_short_ones_do() -> None:
    assert CodeText("x = 1\n", "python").lexed(1) is False
    assert CodeText("x = 1\n" + "y" * 6_000, "python").lexed(2) is True


def test_what_is_left_out_of_a_text_is_counted() -> None:
    assert shortened("a" * SHOWN_CHARACTERS) == "a" * SHOWN_CHARACTERS
    assert shortened("abcdef", 4) == "abcd… and 2 more characters"


async def test_a_query_and_a_rationale_of_a_million_characters(tmp_path: Path) -> None:
    long = "日本 " * 300_000
    row = Scored(long, "x = 1", 3, path=f"{long}.py", symbol=long, rationale=long)
    async with audit(workspace_with(tmp_path, [row]), WIDE) as sitting:
        await sitting.press("3", "left", "i")
        shown = painted(sitting.pilot)
        assert "日本" in shown
        for widget in sitting.screen.walk_children():
            content = getattr(widget, "content", "") or getattr(widget, "_query", "")
            assert len(str(content)) < 8 * SHOWN_CHARACTERS
