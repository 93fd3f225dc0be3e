"""A workspace whose store is a team's, and what is in that store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.store.opening import open_workspace_store
from labels.audit.team import set_overlap
from tests.building import add_scored, new_workspace, numbered

if TYPE_CHECKING:
    from pathlib import Path

    from core.workspace import Workspace


def team_workspace(folder: Path, url: str, pairs: int) -> Workspace:
    """Make a workspace set to a team's store, which gets so many pairs, each for one person."""
    workspace = new_workspace(folder)
    settings = f'store = "{url}"\nannotator = "ada"\nblind_share = 0\nrepeat_share = 0\n'
    (workspace.folder / "settings.toml").write_text(settings, encoding="utf-8")
    with open_workspace_store(workspace) as store:
        add_scored(store, numbered(pairs))
        set_overlap(store, 1)
    return workspace


def grades_there(workspace: Workspace) -> list[int]:
    """Return the grades that stand in the store, in the order in which they were given."""
    with open_workspace_store(workspace) as store:
        rows = store.read(
            "SELECT grade FROM standing_events WHERE grade IS NOT NULL ORDER BY happened, id"
        )
    return [grade for (grade,) in rows]
