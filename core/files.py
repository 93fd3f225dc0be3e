"""A file that appears whole or not at all: written beside its place, then renamed."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from uuid import uuid4

from core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from core.store.database import Store


def check_target(target: Path) -> None:
    """Raise InputError when no file can be put at ``target``."""
    if target.is_dir():
        raise InputError(
            "the target is a folder", where=str(target), todo="Give the path of a file."
        )
    if not target.parent.is_dir():
        raise InputError(
            "there is no such folder", where=str(target.parent), todo="Make it, then try again."
        )


@contextmanager
def spilled(store: Store, ending: str) -> Iterator[Path]:
    """Give a path inside the workspace, where the database may write; gone afterwards."""
    folder = store.folder.resolve() / "spill"
    folder.mkdir(exist_ok=True)
    path = folder / f"export-{uuid4().hex}{ending}"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def put(source: Path, target: Path) -> None:
    """Copy ``source`` beside ``target``, wait until the disk has it, and rename it.

    Raises:
        InputError: the disk is full or the folder cannot be written; ``target`` is as it was.
    """
    beside = target.with_name(f".{target.name}.{uuid4().hex}.unfinished")
    try:
        shutil.copyfile(source, beside)
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        beside.replace(target)
    except OSError as error:
        raise InputError(
            f"the file was not written: {error.strerror}",
            where=str(target),
            todo="Make room, or choose a folder that you can write to; nothing was changed.",
        ) from error
    finally:
        with suppress(OSError):
            beside.unlink()
