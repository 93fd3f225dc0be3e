"""The app on a team's store while the disk here is full, then has room: ``... FOLDER URL``."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from tests.faults.full_disk import mount
from tests.team.team_workspace import grades_there, team_workspace
from tests.tui.driving import WIDE, audit, settled


async def main(folder: Path, url: str) -> None:
    """Grade until the disk is full, see that it is said, and go on."""
    mount(folder)
    workspace, grades = team_workspace(folder, url, 60), list[int]()
    async with audit(workspace, WIDE) as sitting:
        await sitting.press("4")
        grades.append(4)
        space = os.statvfs(folder)
        (folder / "ballast").write_bytes(bytes(space.f_bavail * space.f_frsize))
        while "not done" not in sitting.said:
            await sitting.press("2")
            await settled(sitting.pilot)
            grades.append(2)
            assert len(grades) < 60
        grades.pop()
        assert "No space left" in sitting.said, sitting.said
        assert any("Make room" in one.message for one in sitting.app._notifications)
        query = sitting.query
        await sitting.press("3")
        assert sitting.query == query, "the pair stays until it is graded"
        (folder / "ballast").unlink()
        await sitting.press("5")
        grades.append(5)
        assert "not done" not in sitting.said
        assert sitting.query != query
    there = grades_there(workspace)
    assert there == grades, (there, grades)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
