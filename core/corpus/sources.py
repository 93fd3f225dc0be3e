r"""Read source files and split them into documents.

Splitting is pure: the same path and text give the same documents.

- Functions, methods and classes are documents; a class's methods are documents beside the class.
  What is defined inside a function belongs to the function.
- A definition has whole lines, with the comments, attributes and decorators directly above it. Of
  two definitions on exactly the same lines the first is kept: both would have the same text.
- Two definitions of the same name in a file are ``name`` and ``name#2``.
- The lines between definitions are gaps. The first gap of the file (its docstring, imports and
  constants) is the module document, with an empty symbol, if it has three lines of code (lines
  with a letter or digit) or starts with a comment or docstring. A later gap is a document if it has
  three lines of code: ``(module)#2``, ``(module)#3`` and so on. Shorter gaps are dropped.
- A file is a single document if it has no definitions, its language has no grammar, or most of it
  is not code in that language.

Lines end in ``\n`` only. Blank lines at either end of a gap or file belong to no document.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.corpus.definitions import Definition, outline
from core.corpus.languages import language_of
from core.ids import document_id
from core.records import Document, DocumentKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path


GAP_LINES: Final = 3
_CODE: Final = re.compile(r"\w")
_PROSE: Final = re.compile(r"""\s*(?:[rRuU]?["']|//|/\*|\# )""")
#: Like git, take a file with NUL among its first bytes for binary.
_BINARY_SAMPLE: Final = 8000
_REPLACEMENT: Final = "\ufffd"


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was read.

    Attributes:
        text: with lines that end in a bare newline; None if the file was skipped.
        reason: why it was skipped (empty for a binary file), or what was repaired in the text.
        line: the first repaired line, counted from 1; 0 if unknown.
    """

    text: str | None
    reason: str = ""
    line: int = 0


def read_source(path: Path, size_limit: int) -> Source:
    """Read a file of at most ``size_limit`` bytes as UTF-8."""
    try:
        # A link or pipe that has replaced the file since the walk must not be followed.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return Source(None, "not a regular file: skipped")
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
        reason = "not UTF-8: the invalid bytes were replaced by U+FFFD"
        line = content.count(b"\n", 0, error.start) + 1
        text = content.decode("utf-8-sig", errors="replace")
    if "\0" in text:
        if not reason:
            reason = "contains NUL: replaced by U+FFFD"
            line = text.count("\n", 0, text.index("\0")) + 1
        text = text.replace("\0", _REPLACEMENT)
    return Source(text.replace("\r\n", "\n"), reason, line)


def split_file(path: str, text: str) -> tuple[Document, ...]:
    """Parse a file in this process and return its documents; none if it is blank.

    Args:
        path: the path that the documents get; it determines the language.
        text: the whole text, without lone surrogates.
    """
    language = language_of(path, text)
    return documents_of(path, text, language, outline(language, text) or ())


def documents_of(
    path: str, text: str, language: str, definitions: Iterable[Definition]
) -> tuple[Document, ...]:
    """Return the documents of a file with these definitions; none if it is blank."""
    lines = text.split("\n")
    blank = [not line.strip() for line in lines]
    if all(blank):
        return ()
    distinct = _distinct(definitions)
    if distinct:
        pieces = [*distinct, *_gaps(distinct, lines, blank)]
        pieces.sort(key=lambda piece: (piece.start, -piece.end))
    else:
        start, end = _trimmed(blank, 0, len(lines) - 1)
        pieces = [Definition("", DocumentKind.FILE, start, end)]
    return tuple(
        _document(path, language, symbol, piece, lines)
        for symbol, piece in zip(_unique_symbols(pieces), pieces, strict=True)
    )


def _document(
    path: str, language: str, symbol: str, piece: Definition, lines: Sequence[str]
) -> Document:
    text = "\n".join(lines[piece.start : piece.end + 1])
    return Document(
        document_id(path, symbol, text),
        path,
        symbol,
        piece.kind,
        language,
        piece.start + 1,
        piece.end + 1,
        text,
    )


def _distinct(definitions: Iterable[Definition]) -> list[Definition]:
    """Return the first definition on each span of lines."""
    first: dict[tuple[int, int], Definition] = {}
    for definition in definitions:
        first.setdefault((definition.start, definition.end), definition)
    return list(first.values())


def _gaps(
    definitions: Iterable[Definition], lines: Sequence[str], blank: Sequence[bool]
) -> Iterator[Definition]:
    """Yield the gaps between definitions that are worth a document."""
    number = 1
    for start, end in _uncovered(definitions, len(lines)):
        code_lines = sum(1 for row in range(start, end + 1) if _CODE.search(lines[row]))
        first, last = _trimmed(blank, start, end)
        if start == 0:
            if code_lines >= GAP_LINES or (first <= last and _PROSE.match(lines[first])):
                yield Definition("", DocumentKind.MODULE, first, last)
        elif code_lines >= GAP_LINES:
            number += 1
            yield Definition(f"(module)#{number}", DocumentKind.MODULE, first, last)


def _uncovered(definitions: Iterable[Definition], count: int) -> Iterator[tuple[int, int]]:
    """Yield the spans of rows outside all definitions, in order."""
    reached = 0
    for start, end in sorted((definition.start, definition.end) for definition in definitions):
        if start > reached:
            yield reached, start - 1
        reached = max(reached, end + 1)
    if reached < count:
        yield reached, count - 1


def _trimmed(blank: Sequence[bool], start: int, end: int) -> tuple[int, int]:
    """Return a span without blank rows at its ends; start > end if all rows are blank."""
    while start <= end and blank[start]:
        start += 1
    while end > start and blank[end]:
        end -= 1
    return start, end


def _unique_symbols(pieces: Iterable[Definition]) -> Iterator[str]:
    """Yield the symbols of the pieces, with ``#2``, ``#3`` and so on from the second use."""
    used: set[str] = set()
    counts: dict[str, int] = {}
    for piece in pieces:
        symbol = piece.symbol
        while symbol in used:
            counts[piece.symbol] = counts.get(piece.symbol, 1) + 1
            symbol = f"{piece.symbol}#{counts[piece.symbol]}"
        used.add(symbol)
        yield symbol
