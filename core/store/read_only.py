"""A read-only copy to work with while another process has the database open.

The live file must not be touched: a second process is refused, and the owner would lose its lock
if the file were read and closed by other means. But its dated backups are files of their own, and
the label journal may be read by anybody. Together they are the workspace as of the backup, with
the labels of this moment. Both are copied to a folder of this process and opened there.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from core.errors import StoreLockedError
from core.processes import is_running
from core.store.backups import Backup, backups
from core.store.database import DATABASE_NAME, ReadOnlyCopy, Store
from core.store.errors import explained
from core.store.journal import JOURNAL_NAME
from core.store.opening import open_store, open_workspace_store

if TYPE_CHECKING:
    from pathlib import Path

    from core.workspace import Workspace


READ_ONLY_NAME: Final = "read-only"


def open_for_reading(workspace: Workspace) -> Store:
    """Open the store; if another process has its file, open a copy of the newest backup.

    A copy has ``Store.read_only_copy`` set and refuses to be written to.

    Raises:
        StoreLockedError: another process has the file open, and there is no backup yet.
        RejudgeError: as ``open_workspace_store``.
    """
    try:
        return open_workspace_store(workspace)
    except StoreLockedError as locked:
        newest = next(iter(backups(workspace.folder)), None)
        if newest is None:
            raise
        return _open_copy(workspace.folder, newest, locked)


def _open_copy(folder: Path, backup: Backup, locked: StoreLockedError) -> Store:
    place = folder / READ_ONLY_NAME / f"{os.getpid()}-{os.urandom(4).hex()}"
    copy = ReadOnlyCopy(backup.made, locked.what, place)
    with explained(place):
        _remove_leftovers(folder / READ_ONLY_NAME)
        place.mkdir(parents=True)
        try:
            shutil.copyfile(backup.path, place / DATABASE_NAME)
            (place / DATABASE_NAME).chmod(0o600)
            with suppress(FileNotFoundError):
                shutil.copyfile(folder / JOURNAL_NAME, place / JOURNAL_NAME)
            store = open_store(place)
        except BaseException:
            copy.remove()
            raise
    store.read_only_copy = copy
    return store


def _remove_leftovers(place: Path) -> None:
    """Remove the copies of processes that were killed."""
    with suppress(FileNotFoundError):
        for entry in place.iterdir():
            number = entry.name.partition("-")[0]
            if number.isdigit() and not is_running(int(number)):
                shutil.rmtree(entry, ignore_errors=True)
