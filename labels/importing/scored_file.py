"""The file of an import on disk: what may be wrong with it as a whole, and its lines by number."""

from __future__ import annotations

import os
import re
import shutil
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from core.store import DATABASE_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from core.store import Store

#: The longest line that is read, in bytes. DuckDB's own buffer ends a little above it.
LONGEST_LINE: Final = (1 << 25) - (1 << 12)

#: How files of gzip, Zstandard, xz, bzip2 and zip begin.
_PACKED: Final = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0", b"BZh", b"PK\x03\x04")
_LONGEST_SIGN: Final = max(map(len, _PACKED))

_STAND_IN: Final = b"{}\n"
_MEGABYTE: Final = 1 << 20
#: What the database would look for other files with.
_PATTERN: Final = re.compile(r"[*?\[]")


def check_file(store: Store, path: Path) -> None:
    """Look whether the file can be read at all.

    Raises:
        InputError: it is missing, a folder, unreadable, compressed, or the store's own database.
    """
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise InputError(
                "this is a folder, not a file", where=str(path), todo="Give a JSON Lines file."
            )
        # Closing the database file here would drop the lock that keeps other processes out.
        own = store.folder / DATABASE_NAME
        if own.exists() and path.samefile(own):
            raise InputError("this is the workspace's own database", where=str(path))
        packed = False
        if stat.S_ISREG(status.st_mode):
            with path.open("rb") as file:
                packed = file.read(_LONGEST_SIGN).startswith(_PACKED)
    except OSError as error:
        raise InputError(
            f"the file cannot be read: {error.strerror}",
            where=str(path),
            todo="Check the name and that you may read it.",
        ) from error
    if packed:
        # A few bytes may unpack to more than any disk holds: that is for the person to see.
        raise InputError(
            "the file is compressed", where=str(path), todo="Unpack it, then import what was in it."
        )


@contextmanager
def readable_file(store: Store, path: Path) -> Iterator[Path]:
    """Give a path under which the database may read the file.

    That is the file itself if the store was opened for it and no character of its path stands for
    others, else a hard link to it in the workspace, else a copy; both are gone afterwards.
    """
    allowed = store.read("SELECT current_setting('allowed_paths')")[0][0]
    whole = path.resolve()
    if str(whole) in allowed and not _PATTERN.search(str(whole)):
        yield whole
        return
    with spilled_file(store, "import-read.jsonl") as stand_in:
        try:
            os.link(whole, stand_in)
        except OSError:
            shutil.copyfile(whole, stand_in)
        yield stand_in


@contextmanager
def spilled_file(store: Store, name: str) -> Iterator[Path]:
    """Give the path of a temporary file that the database may read; it is gone afterwards."""
    folder = store.folder.resolve() / "spill"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{os.getpid()}-{name}"
    path.unlink(missing_ok=True)
    try:
        yield path
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def copy_without_long_lines(source: Path, target: Path) -> dict[int, str]:
    """Copy a file line by line; a line longer than ``LONGEST_LINE`` becomes an empty object.

    Line numbers stay the same. No more of a line than ``LONGEST_LINE`` is ever in memory.

    Returns:
        For the number of each such line what is wrong with it.
    """
    too_long = {}
    with source.open("rb") as lines, target.open("wb") as copy:
        number = 0
        while line := lines.readline(LONGEST_LINE):
            number += 1
            if len(line) < LONGEST_LINE or line.endswith(b"\n"):
                copy.write(line)
                continue
            megabytes = (len(line) + _pass_over(lines.readline)) >> 20
            too_long[number] = (
                f"the line is too long: {megabytes} MB, and {LONGEST_LINE >> 20} MB can be read"
            )
            copy.write(_STAND_IN)
    return too_long


def _pass_over(read_some: Callable[[int], bytes]) -> int:
    size = 0
    while part := read_some(_MEGABYTE):
        size += len(part)
        if part.endswith(b"\n"):
            break
    return size


def numbered_rows(path: Path, rows: Iterable[int]) -> Iterator[tuple[int, int, bytes]]:
    """Give the row, the line number (from 1) and the bytes of the given rows of a file.

    Args:
        path: the file.
        rows: ascending. Rows count from 0 and leave out blank lines, as the database does.
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
