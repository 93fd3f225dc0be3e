"""The audit screen where each pair goes to one person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.store.opening import open_store
from labels.audit.team import Leases, set_overlap
from tests.building import numbered
from tests.tui.driving import WIDE, audit, painted, settled, workspace_with

if TYPE_CHECKING:
    from pathlib import Path


async def test_pairs_in_hand_are_given_up_on_leaving(tmp_path: Path) -> None:
    workspace = workspace_with(tmp_path, numbered(30))
    with open_store(workspace.folder) as store:
        set_overlap(store, 1)
    async with audit(workspace) as sitting:
        await settled(sitting.pilot)
        await sitting.press("1")
        assert sitting.app.store is not None
        ((held,),) = sitting.app.store.read("SELECT count(*) FROM db.leases")
        assert held > 1
    with open_store(workspace.folder) as store:
        assert store.read("SELECT count(*) FROM db.leases") == [(0,)]


async def test_what_others_have_in_hand_is_told_at_the_end(tmp_path: Path) -> None:
    workspace = workspace_with(tmp_path, numbered(3))
    with open_store(workspace.folder) as store:
        set_overlap(store, 1)
        pairs = [row[0] for row in store.read("SELECT id FROM db.pairs ORDER BY id")]
        assert Leases(store, "bob", 1).claim(pairs[:2], 2) == pairs[:2]
    async with audit(workspace, WIDE) as sitting:
        await sitting.press("3")
        await settled(sitting.pilot)
        assert "others are grading it" in painted(sitting.pilot)
        assert [grade for _, grade, _ in sitting.events()] == [3]
