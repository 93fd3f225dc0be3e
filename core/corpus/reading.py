"""The text of a file, whatever bytes it holds."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

#: Git takes a file for binary when one of its first bytes is NUL.
_BINARY_SAMPLE: Final = 8000
_REPLACEMENT: Final = "\ufffd"


@dataclass(frozen=True, slots=True)
class Source:
    """What reading a file gave.

    ``text`` is None when the file was skipped: with a ``reason``, or silently when it is binary.
    With a text, a ``reason`` tells what had to be repaired, first on ``line`` (from 1; 0: unknown).
    Lines end in a bare newline, whatever they ended in before.
    """

    text: str | None
    reason: str = ""
    line: int = 0


def read_source(path: Path, size_limit: int) -> Source:
    """Read a file of at most ``size_limit`` bytes as UTF-8."""
    try:
        # Neither a link nor a pipe that took the file's place since the walk may be followed.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return Source(None, "is no ordinary file: skipped")
            content = file.read(_BINARY_SAMPLE)
            if b"\0" in content:
                return Source(None)
            content += file.read(max(size_limit + 1 - len(content), 0))
    except OSError as error:
        return Source(None, f"cannot be read: {error.strerror or error}")
    if len(content) > size_limit:
        return Source(None, f"larger than {size_limit:,} bytes: skipped")
    return _decoded(content)


def _decoded(content: bytes) -> Source:
    reason, line = "", 0
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        reason = "not UTF-8: the wrong bytes were replaced by U+FFFD"
        line = content.count(b"\n", 0, error.start) + 1
        text = content.decode("utf-8-sig", errors="replace")
    if "\0" in text:
        if not reason:
            reason = "holds NUL: replaced by U+FFFD"
            line = text.count("\n", 0, text.index("\0")) + 1
        text = text.replace("\0", _REPLACEMENT)
    return Source(text.replace("\r\n", "\n"), reason, line)
