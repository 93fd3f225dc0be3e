"""Pairs on which people differ, on the audit screen."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from core.store.opening import open_store
from labels.audit.recording import LabelRecorder
from tests.building import Scored
from tests.tui.driving import NARROW, WIDE, Sitting, audit, home, painted, until, workspace_with
from tests.tui.test_snapshots import begun
from tui.app import AuditFirstApp

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from textual.pilot import Pilot

    from core.workspace import Workspace

DAY = datetime(2026, 3, 2, 9, 30)
ROWS = [
    Scored(f"find {name}", f"def {name}():\n    return {name!r}\n", 4, symbol=name)
    for name in ("alpha", "beta", "gamma")
]


def disputed(folder: Path, own: int | None = 2) -> Workspace:
    """Make a workspace whose first pair bob and eve, and ada if she grades, see differently."""
    workspace = workspace_with(folder, ROWS)
    pair = UUID(ROWS[0].pair_id)
    with open_store(workspace.folder) as store:
        for name, grade in (("ada", own), ("bob", 5), ("eve", 1)):
            if grade is not None:
                note = f"NOTE-OF-{name}"
                LabelRecorder(store, name).grade(pair, grade, None, note=note, milliseconds=6000)
    return workspace


async def filtered(sitting: Sitting, words: str) -> None:
    before = sitting.session
    await sitting.press("slash", "end", "ctrl+u", *words, "enter")
    await until(sitting.pilot, lambda: sitting.session is not before)


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_one_key_adjudicates_with_everybodys_grade_in_sight(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    async with audit(disputed(tmp_path), size) as sitting:
        await filtered(sitting, "is:disputed")
        assert sitting.query == "find alpha"
        assert sitting.said == "1 pair to audit with this filter"
        shown = painted(sitting.pilot)
        assert "adjudicating" in shown
        if size == NARROW:
            assert "people 5 bob  2 you  1 eve" in shown
            await sitting.press("i")
            shown = painted(sitting.pilot)
            await sitting.press("escape")
        assert "PEOPLE'S GRADES (UTC), 4 APART" in shown
        assert all(f"NOTE-OF-{name}" in shown for name in ("ada", "bob", "eve"))
        assert "6 s" in shown
        await sitting.press("3")
        assert sitting.said == "adjudicated 3, judge said 4: override · u undoes"
        shown = painted(sitting.pilot)
        assert "No pair is left with this filter." in shown
        assert "1 adjudicated" in shown
        await sitting.press("u")
        assert sitting.said == "adjudicated grade 3 undone (override)"
        assert sitting.query == "find alpha"
        await sitting.press("space")
        assert sitting.said == "adjudicated 4, judge said 4: confirm · u undoes"
        assert sitting.app.store is not None
        assert sitting.app.store.read("SELECT annotator, grade FROM adjudicated_labels") == [
            ("ada", 4)
        ]


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_the_own_grade_comes_first_and_opens_the_others(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    async with audit(disputed(tmp_path, own=None), size) as sitting:
        await filtered(sitting, "is:disputed")
        await sitting.press("i")
        shown = painted(sitting.pilot)
        assert "adjudicating" not in shown
        assert not any(word in shown for word in ("NOTE-OF", "bob", "eve", "PEOPLE"))
        await sitting.press("escape", "2")
        said = "graded 2, judge said 4: override · 1-5 adjudicate · space goes on"
        assert (sitting.query, sitting.said) == ("find alpha", said)
        await sitting.press("i")
        assert "NOTE-OF-bob" in painted(sitting.pilot)
        await sitting.press("escape", "1")
        assert sitting.said == "adjudicated 1, judge said 4: override · u undoes"
        assert [grade for _, grade, _ in sitting.events()] == [5, 1, 2, 1]


async def test_going_on_leaves_the_dispute_as_it_is(tmp_path: Path) -> None:
    async with audit(disputed(tmp_path, own=None)) as sitting:
        await filtered(sitting, "is:disputed")
        await sitting.press("2", "space")
        assert sitting.query == ""
        assert sitting.session.counts.left == 1
        assert len(sitting.events()) == 3


async def test_home_counts_them(tmp_path: Path) -> None:
    async with home(disputed(tmp_path)) as pilot:
        assert "1 disputed" in painted(pilot)


async def test_a_filter_without_disputes_says_so(tmp_path: Path) -> None:
    async with audit(workspace_with(tmp_path, ROWS)) as sitting:
        await filtered(sitting, "is:disputed")
        assert "No pair is left with this filter." in painted(sitting.pilot)


async def adjudicating(pilot: Pilot[None]) -> None:
    await begun(pilot)
    assert isinstance(pilot.app, AuditFirstApp)
    sitting = Sitting(pilot.app, pilot)
    await filtered(sitting, "is:disputed")
    await begun(pilot)


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])
def test_adjudicating_looks_like_this(
    tmp_path: Path,
    snap_compare: Callable[..., bool],
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("core.ids.utc_now", lambda: DAY)
    monkeypatch.setattr("labels.audit.recording.utc_now", lambda: DAY)
    workspace = disputed(tmp_path / "work")
    assert snap_compare(AuditFirstApp(workspace), terminal_size=size, run_before=adjudicating)
