"""Blind mode: nothing that tells a score is in sight until the person has graded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core.store.opening import open_store
from tests.building import Scored, add_scored, named_judge
from tests.tui.driving import NARROW, WIDE, audit, painted, workspace_with

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [
    Scored(f"find {name}", f"def {name}(): ...\n", 2, rationale="RATIONALE-TEXT", symbol=name)
    for name in ("alpha", "beta", "gamma")
]


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_score_rationale_and_other_judges_are_hidden_until_graded(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    workspace = workspace_with(tmp_path, ROWS)
    with open_store(workspace.folder) as store:
        other = [Scored(row.query, row.code, 3, row.path, row.symbol) for row in ROWS[:1]]
        add_scored(store, other, named_judge("OTHER-JUDGE"))
    async with audit(workspace, size) as sitting:
        assert "RATIONALE-TEXT" in painted(sitting.pilot)
        await sitting.press("b")
        for key in ("right", "left"):
            shown = painted(sitting.pilot)
            assert "RATIONALE-TEXT" not in shown
            assert "OTHER-JUDGE" not in shown
            assert "same topic •" not in shown
            assert "•2" not in shown
            assert "hidden until you grade" in shown
            await sitting.press(key)
        await sitting.press("i")
        assert "RATIONALE-TEXT" not in painted(sitting.pilot)
        await sitting.press("escape", "space")
        assert sitting.events() == []
        assert sitting.said == "blind: grade the pair to see the judge's score"
        await sitting.press("4")
        shown = painted(sitting.pilot)
        assert "RATIONALE-TEXT" in shown
        assert "✓4" in shown
        assert "•2" in shown


async def test_both_grades_stay_and_the_next_key_goes_on(tmp_path: Path) -> None:
    async with audit(workspace_with(tmp_path, ROWS)) as sitting:
        await sitting.press("b")
        first = sitting.query
        await sitting.press("4", "3")
        assert sitting.query == first
        assert sitting.said == "graded 3, judge said 2: override · 1-5 change it · space goes on"
        await sitting.press("space")
        assert sitting.query != first
        assert sitting.events() == [("override", 4, True), ("override", 3, False)]
        assert "hidden until you grade" in painted(sitting.pilot)
        assert sitting.session.counts.done == 1
        await sitting.press("u", "u")
        assert sitting.query == first
        assert "hidden until you grade" in painted(sitting.pilot)


async def test_leaving_blind_mode_shows_the_judge(tmp_path: Path) -> None:
    async with audit(workspace_with(tmp_path, ROWS)) as sitting:
        await sitting.press("b", "b")
        assert "RATIONALE-TEXT" in painted(sitting.pilot)
        await sitting.press("space")
        assert sitting.events() == [("confirm", 2, False)]
