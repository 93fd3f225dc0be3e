"""The app while its folder cannot be written, then can: ``... folder_under_app HOW FOLDER``.

HOW is ``read-only``: another mount lies on the folder, so that whatever is opened from then on
cannot be written, as after a remount; or ``full``: there is no room left.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from core.errors import StoreDamagedError, StoreError
from core.store.opening import open_store
from tests.building import Scored, add_scored, numbered
from tests.faults.full_disk import mount
from tests.tui.driving import WIDE, Sitting, audit, settled, until, workspace_with

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What is said of a label: by the journal, which comes first, or by the database.
_SAYS: Final = {
    "read-only": (("Read-only file system",), ("make the file writable",)),
    "full": (("No space left on device", "the disk is full"), ("Make room", "Free some space")),
}


@contextmanager
def _unwritable(how: str, folder: Path) -> Iterator[None]:
    if how == "full":
        space = os.statvfs(folder)
        ballast = folder / "ballast"
        ballast.write_bytes(bytes(space.f_bavail * space.f_frsize))
        yield
        ballast.unlink()
        return
    subprocess.run(["mount", "--bind", str(folder), str(folder)], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
    yield
    subprocess.run(["umount", str(folder)], check=True)


async def _refused(sitting: Sitting, how: str, *, labels: int) -> int:
    """Press keys until one is refused; return how many grades were taken before."""
    what, todo = _SAYS[how]
    while "not done" not in sitting.said:
        await sitting.press("2")
        labels += 1
        assert labels < 40
    assert any(words in sitting.said for words in what), sitting.said
    notices = " ".join(one.message for one in sitting.app._notifications)
    assert any(words in notices for words in todo), notices
    return labels - 1


def _database_refuses(sitting: Sitting) -> None:
    """Write to the database, and copy it: what a calibration and the dated backups do."""
    store = sitting.app.store
    assert store is not None
    for write in (lambda: add_scored(store, [Scored("one more", "x" * 100_000)]), store.back_up):
        with pytest.raises(StoreError, match=r"disk is full|cannot be written") as caught:
            write()
        assert not isinstance(caught.value, StoreDamagedError)


async def main(how: str, folder: Path) -> None:
    """Grade, be refused, and go on in the same app; then be refused until it is left."""
    mount(folder)
    settings = "blind_share = 0\nrepeat_share = 0\nrefit_after = 0\n"
    workspace = workspace_with(folder / "work", numbered(60), settings)
    async with audit(workspace, WIDE) as sitting:
        await settled(sitting.pilot)
        with _unwritable(how, folder):
            given = await _refused(sitting, how, labels=0)
            query = sitting.query
            for keys in ("s", "f", "1"):
                await sitting.press(*keys)
                assert "not done" in sitting.said
            _database_refuses(sitting)
            assert sitting.query == query, "the pair stays until it is graded"
        for key in "45":
            await sitting.press(key)
            await settled(sitting.pilot)
            assert "not done" not in sitting.said, sitting.said
        assert sitting.query != query
        assert _grades(sitting) == [*[2] * given, 4, 5]
        with _unwritable(how, folder):
            more = await _refused(sitting, how, labels=0)
            sitting.app.exit()
            await until(sitting.pilot, lambda: not sitting.app.is_running)
    with open_store(workspace.folder) as store:
        rows = store.read("SELECT grade FROM db.label_events ORDER BY happened, id")
    assert [grade for (grade,) in rows] == [*[2] * given, 4, 5, *[2] * more]


def _grades(sitting: Sitting) -> list[int | None]:
    return [grade for _, grade, _ in sitting.events()]


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
