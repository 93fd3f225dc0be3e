"""Files and folders that appear whole or not at all, and locks between processes.

A new version is written beside its place under a hidden name, brought to the disk, and renamed, so
that neither a crash nor a full disk leaves half a file. What a killed process left beside a target
is removed the next time that target is written.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from core.processes import is_running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: How the name of every file that is still being written ends.
UNFINISHED: Final = ".unfinished"
#: Characters of the target's name in the hidden one, which must not exceed 255 bytes.
_NAME_PART: Final = 50


@contextmanager
def replacing(target: Path, *, remove_folder: bool = False) -> Iterator[Path]:
    """Give a path beside ``target`` for its new content, and put that in place at the end.

    The block makes a file or a folder at the path. On leaving it, the content is synced to disk
    and renamed to ``target``, and the rename is synced too. If the block raises, ``target`` stays
    as it was.

    Args:
        target: the file or folder to make; a file there is replaced.
        remove_folder: remove a folder at ``target`` to make place, instead of raising OSError.

    Raises:
        OSError: the disk is full or the folder cannot be written; ``target`` is as it was.
    """
    _remove_leftovers(target)
    beside = target.with_name(f"{_prefix(target)}{os.getpid()}-{uuid4().hex[:8]}{UNFINISHED}")
    try:
        yield beside
        _sync_tree(beside)
        if remove_folder:
            shutil.rmtree(target, ignore_errors=True)
        beside.replace(target)
        sync(target.parent)
    finally:
        _remove(beside)


def write_atomically(target: Path, data: str | bytes) -> None:
    """Replace the content of a file, text as UTF-8, in one step that survives a crash.

    Raises:
        OSError: the disk is full or the folder cannot be written; ``target`` is as it was.
    """
    with replacing(target) as beside:
        beside.write_bytes(data.encode() if isinstance(data, str) else data)


def sync(path: Path) -> None:
    """Wait until the disk has a file's content, or a folder's entries."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lock(descriptor: int, *, wait: bool = True) -> bool:
    """Take the exclusive lock of an open file; return whether it was free.

    Closing the file releases it, and so does the end of the process, however it ends.

    Args:
        descriptor: of the open file.
        wait: wait for a lock that another process holds, instead of returning False.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def is_locked(path: Path) -> bool:
    """Return whether a process holds the lock of a file; False where there is no such file.

    To find out is to hold a shared lock for a moment.
    """
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _prefix(target: Path) -> str:
    return f".{target.name[:_NAME_PART]}."


def _remove_leftovers(target: Path) -> None:
    """Remove what killed processes left unfinished beside ``target``."""
    leftover = re.compile(rf"{re.escape(_prefix(target))}(\d+)-[0-9a-f]{{8}}{UNFINISHED}")
    with suppress(OSError):
        for entry in target.parent.iterdir():
            match = leftover.fullmatch(entry.name)
            if match and not is_running(int(match[1])):
                _remove(entry)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _sync_tree(path: Path) -> None:
    if path.is_dir():
        for inner in path.iterdir():
            _sync_tree(inner)
    sync(path)
