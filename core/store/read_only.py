"""A read-only copy while another process has the database open.

The live file must not be touched: a second process is refused, and the owner would lose its lock
if it were read and closed by other means. But the owner keeps dated backups, which are files of
their own, and the label journal, which may be read by anybody. Both together are the workspace as
of the backup, with the labels of this moment. They are copied into a folder of this process,
opened there like any store, refuse to be written to, and are removed at the end.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.errors import StoreLockedError
from core.processes import is_running
from core.store.backups import Backup, backups
from core.store.database import DATABASE_NAME, Store
from core.store.errors import explained
from core.store.journal import JOURNAL_NAME

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from core.workspace import Workspace


READ_ONLY_NAME: Final = "read-only"


@dataclass(frozen=True, slots=True)
class ReadOnlyCopy:
    """Where a copy came from: when its backup was ``made``, in UTC, and who has the original.

    ``holder`` is a clause: ``another process has this workspace open: process 7, python``.
    """

    made: datetime
    holder: str
    folder: Path

    @property
    def notice(self) -> str:
        """One line for whoever looks at it."""
        return (
            f"{self.holder}. What is shown is of {self.made:%Y-%m-%d %H:%M} UTC, with the labels of"
            " now; nothing can be changed here meanwhile."
        )

    def remove(self) -> None:
        """Remove the copy."""
        shutil.rmtree(self.folder, ignore_errors=True)


def open_to_read(workspace: Workspace) -> Store:
    """Open the store; if another process has its file, a copy of its newest backup instead.

    A copy has ``Store.read_only_copy`` set and refuses to be written to.

    Raises:
        StoreLockedError: another process has it, and there is no backup yet.
        RejudgeError: as ``Store.of``.
    """
    folder = workspace.folder
    try:
        return Store.of(workspace)
    except StoreLockedError as locked:
        newest = next(iter(backups(folder)), None)
        if newest is None:
            raise
        return _copied(folder, newest, locked)


def _copied(folder: Path, backup: Backup, locked: StoreLockedError) -> Store:
    place = folder / READ_ONLY_NAME / f"{os.getpid()}-{os.urandom(4).hex()}"
    read_only_copy = ReadOnlyCopy(backup.made, locked.what, place)
    with explained(place):
        _clear(folder / READ_ONLY_NAME)
        place.mkdir(parents=True)
        try:
            shutil.copyfile(backup.path, place / DATABASE_NAME)
            (place / DATABASE_NAME).chmod(0o600)
            with suppress(FileNotFoundError):
                shutil.copyfile(folder / JOURNAL_NAME, place / JOURNAL_NAME)
            store = Store.open(place)
        except BaseException:
            read_only_copy.remove()
            raise
    store.read_only_copy = read_only_copy
    return store


def _clear(place: Path) -> None:
    """Remove what processes left that were killed."""
    with suppress(FileNotFoundError):
        for entry in place.iterdir():
            number = entry.name.partition("-")[0]
            if number.isdigit() and not is_running(int(number)):
                shutil.rmtree(entry, ignore_errors=True)
