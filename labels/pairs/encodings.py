"""Files that are compressed or not UTF-8, made readable first."""

from __future__ import annotations

import codecs
import gzip
import shutil
import zlib
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from labels.pairs.files import first_bytes, spilled_file

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

    from core.store.database import Store


_GZIP: Final = b"\x1f\x8b"
#: The encodings by their byte order marks. That of UTF-32 begins like that of UTF-16.
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CHUNK: Final = 1 << 22
#: A file may unpack to so many times its size, and to so many bytes in any case. Text that is
#: compressed a hundredfold is not a file of pairs, but one made to fill the disk.
MOST_EXPANSION: Final = 100
LEAST_LIMIT: Final = 1 << 26
#: How much of the disk stays free.
_RESERVE: Final = 1 << 28


def as_utf8(store: Store, path: Path, spilled: ExitStack) -> Path:
    """Return the file itself, or a copy of it that is unpacked and in UTF-8 without a mark.

    Args:
        store: the store, in whose folder copies are made.
        path: the file.
        spilled: removes the copies when it is closed.

    Raises:
        InputError: the compressed file is damaged or too large when unpacked.
    """
    if first_bytes(path, len(_GZIP)) == _GZIP:
        unpacked = spilled.enter_context(spilled_file(store, "import-unpacked"))
        _unpack(path, unpacked)
        path = unpacked
    encoding = _encoding(first_bytes(path, 4))
    if encoding:
        _require_room(store, path)
        recoded = spilled.enter_context(spilled_file(store, "import-recoded"))
        _recode(path, recoded, encoding)
        path = recoded
    return path


def without_packing(name: str) -> str:
    """Return the name of a file without the ending of a compressed one."""
    return name[:-3] if name.lower().endswith(".gz") else name


def _unpack(path: Path, target: Path) -> None:
    limit = max(LEAST_LIMIT, path.stat().st_size * MOST_EXPANSION)
    written = 0
    try:
        with gzip.open(path) as source, target.open("wb") as file:
            while chunk := source.read(_CHUNK):
                written += len(chunk)
                if written > limit or shutil.disk_usage(target.parent).free < _RESERVE:
                    raise InputError(
                        f"the compressed file is too large when unpacked: over {written >> 20} MB",
                        where=str(path),
                        todo="If this is right, unpack it yourself and import what was in it.",
                    )
                file.write(chunk)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(
            f"the compressed file is damaged: {error}", where=str(path), todo="Get it again."
        ) from error


def _encoding(beginning: bytes) -> str:
    """Return the encoding of a file that is not plain UTF-8, empty for all others."""
    for mark, encoding in _MARKS:
        if beginning.startswith(mark):
            return encoding
    # Without a mark: the first character is a bracket, a quote or a letter in all our formats.
    if len(beginning) >= 2 and beginning[:2].count(0) == 1:  # noqa: PLR2004
        return "utf-16-le" if beginning[1] == 0 else "utf-16-be"
    return ""


def _require_room(store: Store, path: Path) -> None:
    free = shutil.disk_usage(store.folder).free - _RESERVE
    if path.stat().st_size > free:
        raise InputError(
            f"there is no room for a copy of the file: {max(0, free) >> 20} MB are free",
            where=str(path),
            todo="Make room, or convert the file to UTF-8.",
        )


def _recode(path: Path, target: Path, encoding: str) -> None:
    if encoding == "utf-8-sig":
        with path.open("rb") as source, target.open("wb") as file:
            source.seek(len(codecs.BOM_UTF8))
            shutil.copyfileobj(source, file, _CHUNK)
        return
    with (
        path.open(encoding=encoding, errors="replace", newline="") as text,
        target.open("w", encoding="utf-8", errors="replace", newline="") as copy,
    ):
        shutil.copyfileobj(text, copy, _CHUNK)
