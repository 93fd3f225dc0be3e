r"""The text of a file, whatever bytes it holds.

A file's text into documents. Pure: the same path and text give the same documents.

- Each function, method and class is a document; so is each class body's every method, beside the
  class that holds it. What is defined within a function belongs to it.
- A definition has whole lines, with the comments, attributes and decorators directly above it. Of
  two definitions on exactly the same lines the first is kept: a second would find the same text.
- Two definitions of one name in a file are ``name`` and ``name#2``.
- What lies between the definitions are gaps. The first gap of the file (its docstring, imports,
  constants) is the module document, with the empty symbol, when it has three lines of code (lines
  with a letter or digit) or starts with a comment or docstring. A later gap is a document when it
  has three lines of code: ``(module)#2``, ``(module)#3`` in their order. Shorter ones are dropped.
- A file without definitions, in a language without a grammar, or mostly not in its language is one
  document.

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


def split_file(path: str, text: str) -> tuple[Document, ...]:
    """Return the documents of a file, parsed here and now; none when it is blank.

    Args:
        path: the file's path as its documents keep it; the language is told by it.
        text: the file's whole text, without lone surrogates.
    """
    language = language_of(path, text)
    return documents_of(path, text, language, outline(language, text) or ())


def documents_of(
    path: str, text: str, language: str, found: Iterable[Definition]
) -> tuple[Document, ...]:
    """Return the documents of a file whose definitions were ``found``; none when it is blank."""
    lines = text.split("\n")
    blank = [not line.strip() for line in lines]
    if all(blank):
        return ()
    definitions = _distinct(found)
    if definitions:
        pieces = [*definitions, *_gaps(definitions, lines, blank)]
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
    """Return the first definition of each span of lines."""
    first: dict[tuple[int, int], Definition] = {}
    for definition in definitions:
        first.setdefault((definition.start, definition.end), definition)
    return list(first.values())


def _gaps(
    definitions: Iterable[Definition], lines: Sequence[str], blank: Sequence[bool]
) -> Iterator[Definition]:
    """Yield the documents of what lies outside of all definitions."""
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
    """Yield the spans of rows that no definition has, in order."""
    reached = 0
    for start, end in sorted((each.start, each.end) for each in definitions):
        if start > reached:
            yield reached, start - 1
        reached = max(reached, end + 1)
    if reached < count:
        yield reached, count - 1


def _trimmed(blank: Sequence[bool], start: int, end: int) -> tuple[int, int]:
    """Return a span without the blank rows at its ends; the start is beyond the end if all are."""
    while start <= end and blank[start]:
        start += 1
    while end > start and blank[end]:
        end -= 1
    return start, end


def _unique_symbols(pieces: Iterable[Definition]) -> Iterator[str]:
    """Yield each piece's symbol, with ``#2``, ``#3`` from its second use on."""
    used: set[str] = set()
    counts: dict[str, int] = {}
    for piece in pieces:
        symbol = piece.symbol
        while symbol in used:
            counts[piece.symbol] = counts.get(piece.symbol, 1) + 1
            symbol = f"{piece.symbol}#{counts[piece.symbol]}"
        used.add(symbol)
        yield symbol


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
