"""What each key of the audit screen does, on a real store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual import events

from core.store.opening import open_store
from tests.building import Scored, add_scored, named_judge, numbered
from tests.tui.driving import WIDE, audit, painted, settled, until, workspace_with
from tui.screens.audit.screen import AuditScreen
from tui.screens.base import OverlayScreen
from tui.screens.help import HelpScreen
from tui.screens.home import HomeScreen
from tui.widgets.bars import GradeBar, KeyBar

if TYPE_CHECKING:
    from pathlib import Path

    from textual.geometry import Offset


async def test_grades_confirm_override_and_move_on(tmp_path: Path) -> None:
    async with audit(workspace_with(tmp_path, numbered(6, scores=(4,)))) as sitting:
        first = sitting.query
        await sitting.press("4")
        assert sitting.query != first
        assert sitting.said == "graded 4, judge said 4: confirm · u undoes"
        await sitting.press("2")
        assert sitting.said == "graded 2, judge said 4: override · u undoes"
        await sitting.press("space")
        await sitting.press("enter")
        assert sitting.events() == [
            ("confirm", 4, False),
            ("override", 2, False),
            ("confirm", 4, False),
            ("confirm", 4, False),
        ]
        top = painted(sitting.pilot).splitlines()[0]
        assert "4 done" in top
        assert "2 left" in top
        assert "agree 75% (3 of 4)" in top


async def test_undo_goes_back_through_the_session_and_beyond(tmp_path: Path) -> None:
    workspace = workspace_with(tmp_path, numbered(4))
    async with audit(workspace) as sitting:
        earlier = sitting.query
        await sitting.press("5")
    async with audit(workspace) as sitting:
        here = sitting.query
        await sitting.press("1")
        await sitting.press("u")
        assert sitting.query == here
        assert sitting.said.startswith("grade 1 undone")
        await sitting.press("u")
        assert sitting.query == earlier
        await sitting.press("u")
        assert sitting.said == "nothing to undo"
        assert [action for action, *_ in sitting.events()].count("undo") == 2
        assert sitting.session.counts.done == 0


async def test_skip_flag_and_note(tmp_path: Path) -> None:
    async with audit(workspace_with(tmp_path, numbered(3))) as sitting:
        first = sitting.query
        await sitting.press("f")
        assert (sitting.query, sitting.said) == (first, "flagged · u undoes")
        assert "flagged" in painted(sitting.pilot)
        await sitting.press("n", "o", "d", "d", "enter")
        assert (sitting.query, sitting.said) == (first, "note saved · u undoes")
        assert "odd" in painted(sitting.pilot)
        await sitting.press("n", "x", "escape")
        await sitting.press("s")
        assert sitting.query != first
        assert sitting.said == "skipped · u undoes"
        assert [action for action, *_ in sitting.events()] == ["flag", "note", "skip"]


async def test_a_second_f_takes_the_flag_off(tmp_path: Path) -> None:
    async with audit(workspace_with(tmp_path, numbered(3))) as sitting:
        await sitting.press("f")
        assert "flagged" in painted(sitting.pilot).splitlines()[2]
        await sitting.press("f")
        assert sitting.said == "flag removed"
        assert "flagged" not in painted(sitting.pilot).splitlines()[2]
        assert [action for action, *_ in sitting.events()] == ["flag", "undo"]
        await sitting.press("f", "u")
        assert sitting.said == "flag undone"
        assert sitting.session.current is not None
        assert not sitting.session.current.flagged


async def test_the_header_counts_agreement_with_the_judge_that_it_names(tmp_path: Path) -> None:
    workspace = workspace_with(tmp_path, numbered(4, scores=(4,)))
    with open_store(workspace.folder) as store:
        other = [Scored("asked elsewhere", "x = 1\n", 2, path="elsewhere.py")]
        add_scored(store, other, named_judge("other"))
    async with audit(workspace) as sitting:
        while sitting.query:
            await sitting.press("4")
        assert len(sitting.events()) == 5
        top = painted(sitting.pilot).splitlines()[0]
        assert "agree 100% (4 of 4)" in top
    async with audit(workspace) as sitting:
        assert sitting.session.counts.compared == 4


async def test_an_open_line_takes_the_keys_and_leaves_with_its_pair(tmp_path: Path) -> None:
    async with audit(workspace_with(tmp_path, numbered(3))) as sitting:
        await sitting.press("n", "5")
        assert sitting.events() == []
        await sitting.pilot.click("#grades", offset=(3, 0))
        await sitting.pilot.pause()
        assert [grade for _, grade, _ in sitting.events()] == [1]
        assert not sitting.screen.board.asking


async def test_going_about(tmp_path: Path) -> None:
    async with audit(workspace_with(tmp_path, numbered(3))) as sitting:
        seen = [sitting.query]
        for key in ("right", "]"):
            await sitting.press(key)
            seen.append(sitting.query)
        assert len(set(seen)) == 3
        await sitting.press("left", "[")
        assert sitting.query == seen[0]
        await sitting.press("[")
        assert sitting.said == "this is the first pair"
        assert sitting.events() == []


async def test_the_end_says_what_was_done_and_what_next(tmp_path: Path) -> None:
    async with audit(workspace_with(tmp_path, numbered(2, scores=(3,)))) as sitting:
        await sitting.press("3", "1")
        shown = painted(sitting.pilot)
        assert "Every pair is done." in shown
        assert "50% (1 of 2)" in shown
        assert "rejudge export jsonl" in shown
        await sitting.press("3", "space", "s", "f", "n", "i", "]", "j", "b")
        assert len(sitting.events()) == 2
        await sitting.press("u")
        assert sitting.query


async def test_scrolling_the_code(tmp_path: Path) -> None:
    code = "\n".join(f"line_{number} = {'x' * 200}" for number in range(300))
    async with audit(workspace_with(tmp_path, [Scored("q", code)])) as sitting:
        view = sitting.screen.board.code
        moves = [
            ("j", (0, 1)), ("k", (0, 0)), ("down", (0, 1)), ("up", (0, 0)), ("l", (16, 0)),
            ("h", (0, 0)), ("shift+right", (16, 0)), ("shift+left", (0, 0)),
        ]  # fmt: skip
        for key, offset in moves:
            await sitting.press(key)
            assert view.scroll_offset == offset, key
        await sitting.press("end")
        assert "line_299" in painted(sitting.pilot)
        await sitting.press("pageup")
        assert 0 < view.scroll_offset.y < view.max_scroll_y
        await sitting.press("home", "pagedown")
        assert view.scroll_offset.y == view.size.height - 1
        await sitting.press("k", "1", "u")
        assert view.scroll_offset == (0, 0)


async def test_help_home_guidelines_details_and_palette(tmp_path: Path) -> None:
    async with audit(workspace_with(tmp_path, numbered(2))) as sitting:
        app = sitting.app
        await sitting.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        await sitting.press("escape")
        assert isinstance(app.screen, AuditScreen)
        await sitting.press("g")
        assert isinstance(app.screen, OverlayScreen)
        assert "How to grade" in painted(sitting.pilot)
        await sitting.press("escape", "i")
        assert "RATIONALE" in painted(sitting.pilot)
        await sitting.press("j", "k", "escape", "escape")
        assert isinstance(app.screen, HomeScreen)
        await settled(sitting.pilot)
        assert "2 pairs" in painted(sitting.pilot)
        await sitting.press("a")
        assert isinstance(app.screen, AuditScreen)
        await sitting.press("ctrl+p")
        await sitting.pilot.press(*"blind")
        await until(sitting.pilot, lambda: "Blind mode" in painted(sitting.pilot))
        await sitting.press("enter")
        await until(sitting.pilot, lambda: sitting.app.screen.id != "--command-palette")
        await until(sitting.pilot, lambda: sitting.screen.blind)


async def test_filter_narrows_and_says_what_it_does_not_know(tmp_path: Path) -> None:
    async with audit(workspace_with(tmp_path, numbered(10))) as sitting:
        await sitting.press("slash", *"score:9", "enter")
        assert "score:9" in painted(sitting.pilot)
        assert "this is not a filter" in painted(sitting.pilot)
        await sitting.press("backspace", "2", "enter")
        await until(sitting.pilot, lambda: sitting.session.audit_filter.active)
        assert sitting.said == "2 pairs to audit with this filter"
        assert sitting.session.current is not None
        assert sitting.session.current.ruling is not None
        assert sitting.session.current.ruling.judgment.score == 2
        assert "filter score:2" in painted(sitting.pilot)
        await sitting.press("2", "2")
        assert "No pair is left with this filter." in painted(sitting.pilot)
        await sitting.press("slash", "ctrl+u", "enter")
        await until(sitting.pilot, lambda: not sitting.session.audit_filter.active)
        assert sitting.query


async def test_the_mouse_grades_scrolls_and_uses_the_footer(tmp_path: Path) -> None:
    rows = [Scored("q1", "x\n" * 200, 4), Scored("q2", "y\n" * 200, 4)]
    async with audit(workspace_with(tmp_path, rows), WIDE) as sitting:
        view = sitting.screen.board.code
        view.post_message(_wheel(events.MouseScrollDown, view.region.offset))
        await until(sitting.pilot, lambda: view.scroll_offset.y > 0)
        grades = sitting.screen.query_one(GradeBar).row(158).plain
        await sitting.pilot.click("#grades", offset=(grades.index("5 exact") + 2, 0))
        await sitting.pilot.pause()
        assert [grade for _, grade, _ in sitting.events()] == [5]
        keys = sitting.screen.query_one(KeyBar).render().plain
        await sitting.pilot.click("#keys", offset=(keys.index("undo") + 1, 0))
        await sitting.pilot.pause()
        assert [action for action, *_ in sitting.events()] == ["override", "undo"]


async def test_code_is_selected_with_the_mouse(tmp_path: Path) -> None:
    rows = [Scored("q", "alpha = 1\nbeta = 日本\ngamma = 3\n")]
    async with audit(workspace_with(tmp_path, rows)) as sitting:
        await sitting.pilot.hover("#code", offset=(8, 0))
        await sitting.pilot.pause()
        await sitting.pilot.mouse_down("#code", offset=(4, 0))
        await sitting.pilot.hover("#code", offset=(8, 1))
        await sitting.pilot.mouse_up("#code", offset=(8, 1))
        await sitting.pilot.pause()
        selected = sitting.screen.get_selected_text() or ""
        assert selected.startswith("alpha = 1\nbeta")
        assert "gamma" not in selected


def _wheel(kind: type[events.MouseEvent], at: Offset) -> events.MouseEvent:
    return kind(
        None, x=5, y=5, delta_x=0, delta_y=0, button=0, shift=False, meta=False, ctrl=False,
        screen_x=at.x + 5, screen_y=at.y + 5,
    )  # fmt: skip


@pytest.mark.parametrize("score", [None, 0])
async def test_a_pair_without_a_score_can_be_graded(tmp_path: Path, score: int | None) -> None:
    async with audit(workspace_with(tmp_path, [Scored("q", "x = 1\n", score)])) as sitting:
        shown = painted(sitting.pilot)
        assert ("no score: parse_error" if score is None else "not judged yet") in shown
        await sitting.press("space")
        assert sitting.said == "no score to confirm: give a grade from 1 to 5"
        await sitting.press("4")
        assert sitting.events() == [("override", 4, False)]
        assert "no score to compare with" in sitting.said
