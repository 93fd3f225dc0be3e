"""Files on their way into the database and out of it.

DuckDB may read and write only inside the workspace and the files that the store was opened for.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from core.errors import InputError
from core.processes import is_running
from core.store.database import DATABASE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from core.store.database import Store


#: How files of Zstandard, xz, bzip2 and zip begin.
_PACKED: Final = (b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0", b"BZh", b"PK\x03\x04")
#: Options of a COPY that writes one text a line, as it is.
PLAIN_LINES: Final = "FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\\x01'"
#: Characters that DuckDB takes for a pattern in a file name.
_PATTERN: Final = re.compile(r"[*?\[]")


def require_readable(store: Store, path: Path) -> None:
    """Check that a file can be imported at all.

    Raises:
        InputError: it is missing, a folder, unreadable, an archive, or the store's own database.
    """
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise InputError("this is a folder, not a file", where=str(path), todo="Name a file.")
        # Opening and closing the database file would drop the lock that keeps other processes out.
        own = store.folder / DATABASE_NAME
        if own.exists() and path.samefile(own):
            raise InputError("this is the workspace's own database", where=str(path))
        packed = stat.S_ISREG(status.st_mode) and first_bytes(path, 8).startswith(_PACKED)
    except OSError as error:
        raise InputError(
            f"the file cannot be read: {error.strerror}",
            where=str(path),
            todo="Check its name and that you have permission to read it.",
        ) from error
    if packed:
        raise InputError(
            "the file is compressed", where=str(path), todo="Unpack it, then import what was in it."
        )


def first_bytes(path: Path, count: int) -> bytes:
    """Return the first bytes of a file, at most ``count``."""
    with path.open("rb") as file:
        return file.read(count)


@contextmanager
def readable_file(store: Store, path: Path) -> Iterator[Path]:
    """Provide a path under which the database may read the file.

    That is the file itself, if the store was opened for it and DuckDB would not take its name for
    a pattern; else a hard link or a copy in the workspace, removed afterwards.
    """
    whole = path.resolve()
    allowed = store.read("SELECT current_setting('allowed_paths')")[0][0]
    inside = whole.is_relative_to(store.folder.resolve())
    if (inside or str(whole) in allowed) and not _PATTERN.search(str(whole)):
        yield whole
        return
    with spilled_file(store, "import-read") as link:
        try:
            os.link(whole, link)
        except OSError:
            shutil.copyfile(whole, link)
        yield link


@contextmanager
def spilled_file(store: Store, name: str) -> Iterator[Path]:
    """Provide the path of a temporary file in the workspace, removed afterwards."""
    folder = store.folder.resolve() / "spill"
    folder.mkdir(mode=0o700, exist_ok=True)
    _remove_leftovers(folder)
    path = folder / f"{os.getpid()}-{uuid4().hex}-{name}"
    try:
        yield path
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of processes that were killed."""
    for path in folder.iterdir():
        owner, dash, _ = path.name.partition("-")
        if dash and owner.isdecimal() and not is_running(int(owner)):
            with suppress(OSError):
                path.unlink()


def numbered_rows(path: Path, rows: Iterable[int]) -> Iterator[tuple[int, int, bytes]]:
    """Yield the row, the line number (from 1) and the bytes of some rows of a file.

    Args:
        path: the file.
        rows: ascending. Rows count from 0 and skip blank lines, as in the database.
    """
    wanted = iter(rows)
    row = next(wanted, None)
    if row is None:
        return
    with path.open("rb") as lines:
        at = -1
        for number, line in enumerate(lines, start=1):
            if line.isspace():
                continue
            at += 1
            if at == row:
                yield row, number, line
                row = next(wanted, None)
                if row is None:
                    return
