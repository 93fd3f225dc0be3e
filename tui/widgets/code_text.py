"""Code made ready to be shown: safe lines, and the kinds of their words, lexed as far as needed.

Lexing is lazy, because a person mostly reads the first screenful of a document. It needs no widget
and can be done ahead in a thread.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final, cast

from rich.cells import cell_len

from core.text import displayable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pygments.lexer import Lexer
    from pygments.token import _TokenType


_STRETCH: Final = 256
#: Characters that are taken for a cell at the most: what has no width could go on for ever.
_CHARACTERS_A_CELL: Final = 4


class LongLine:
    """A line, measured once, stretch by stretch.

    Attributes:
        cells: how wide it is.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0]
        for start in range(0, len(text), _STRETCH):
            width = cell_len(text[start : start + _STRETCH])
            self._starts.append(self._starts[-1] + width)
        self.cells = self._starts[-1]

    def part(self, left: int, room: int) -> tuple[str, int]:
        """Return a piece of the line in which ``room`` cells from cell ``left`` on are.

        The second value is how many cells of the piece lie before ``left``.
        """
        stretch = max(0, bisect_right(self._starts, left) - 1)
        before = left - self._starts[stretch]
        start = stretch * _STRETCH
        return self._text[start : start + _STRETCH + _CHARACTERS_A_CELL * room], before


#: Documents and lines beyond these many characters are shown without colours.
LEXED_DOCUMENT: Final = 2_000_000
LEXED_LINE: Final = 5_000
TAB_SIZE: Final = 4


class WordKind(IntEnum):
    """What a word of code is, as far as colours go."""

    PLAIN = 0
    KEYWORD = 1
    STRING = 2
    NUMBER = 3
    COMMENT = 4
    FUNCTION = 5
    TYPE = 6
    BUILTIN = 7
    MARK = 8


#: A piece of a line with its kind.
Run = tuple[str, WordKind]
_KINDS: Final = (
    ("Comment", WordKind.COMMENT),
    ("Keyword", WordKind.KEYWORD),
    ("Keyword.Type", WordKind.TYPE),
    ("Operator.Word", WordKind.KEYWORD),
    ("Literal.String", WordKind.STRING),
    ("Literal.Number", WordKind.NUMBER),
    ("Name.Function", WordKind.FUNCTION),
    ("Name.Class", WordKind.TYPE),
    ("Name.Exception", WordKind.TYPE),
    ("Name.Builtin", WordKind.BUILTIN),
    ("Name.Builtin.Pseudo", WordKind.BUILTIN),
    ("Name.Decorator", WordKind.MARK),
    ("Name.Attribute", WordKind.PLAIN),
)


class CodeText:
    """The lines of one document.

    Attributes:
        lines: the lines, safe to show, tabs expanded.
        width: the widest line, in cells.
    """

    def __init__(self, text: str, language: str) -> None:
        self.lines = _lines(text)
        self._long = {
            number: LongLine(line)
            for number, line in enumerate(self.lines)
            if len(line) > LEXED_LINE and not line.isascii()
        }
        self.width = max(self._width(number) for number in range(len(self.lines)))
        self._runs: list[tuple[Run, ...]] = []
        self._lock = threading.Lock()
        self._lexing = self._lex(language) if self._worth_lexing() else iter(())
        self._finished = not self._worth_lexing()

    def runs(self, number: int) -> tuple[Run, ...]:
        """Return the pieces of a line (from 0); one plain piece where it was not lexed yet."""
        if number < len(self._runs):
            return self._runs[number]
        return ((self.lines[number], WordKind.PLAIN),)

    def long_line(self, number: int) -> LongLine | None:
        """Return a line (from 0) that is long and whose characters are not all one cell wide."""
        return self._long.get(number)

    def lexed(self, end: int) -> bool:
        """Return whether the lines before ``end`` have all the kinds they will get."""
        return self._finished or len(self._runs) >= min(end, len(self.lines))

    def lex(self, end: int) -> bool:
        """Find the kinds of the words in the lines before ``end``.

        Returns False, without waiting, when another thread is at it.
        """
        if not self._lock.acquire(blocking=False):
            return False
        try:
            while not self.lexed(end):
                line = next(self._lexing, None)
                if line is None:
                    self._finished = True
                else:
                    self._runs.append(line)
        finally:
            self._lock.release()
        return True

    def _width(self, number: int) -> int:
        long, line = self._long.get(number), self.lines[number]
        if long is not None:
            return long.cells
        return len(line) if line.isascii() else cell_len(line)

    def _worth_lexing(self) -> bool:
        size = sum(map(len, self.lines))
        return size <= LEXED_DOCUMENT and max(map(len, self.lines)) <= LEXED_LINE

    def _lex(self, language: str) -> Iterator[tuple[Run, ...]]:
        """Yield the runs of one line after another; end early if the lexer loses its place."""
        lexer = lexer_for(language)
        if lexer is None:
            return
        line: list[Run] = []
        number = 0
        for _, token, value in lexer.get_tokens_unprocessed("\n".join(self.lines) + "\n"):
            kind = _kind(token)
            first, *rest = value.split("\n")
            if first:
                line.append((first, kind))
            for part in rest:
                if number >= len(self.lines) or sum(len(text) for text, _ in line) != len(
                    self.lines[number]
                ):
                    return
                yield tuple(line)
                number += 1
                line = [(part, kind)] if part else []


#: Names that mean no language; asking Pygments about them would search every installed package.
_PLAIN: Final = {"", "text", "txt", "plain", "plaintext", "unknown"}


@lru_cache(64)
def lexer_for(language: str) -> Lexer | None:
    """Return the Pygments lexer of a language; None when there is none. It is never guessed."""
    name = language.strip().lower()
    if name in _PLAIN:
        return None
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return cast("Lexer", get_lexer_by_name(name))
    except ClassNotFound:
        return None


def _lines(text: str) -> tuple[str, ...]:
    shown = displayable(text.replace("\r\n", "\n").removesuffix("\n"))
    lines = shown.split("\n")
    if "\t" in shown:
        lines = [line.expandtabs(TAB_SIZE) for line in lines]
    return tuple(lines)


_kind_of_token: dict[_TokenType, WordKind] = {}


def _kind(token: _TokenType) -> WordKind:
    """Return the kind of a token: that of the nearest of its parents which has one."""
    found = _kind_of_token.get(token)
    if found is None:
        names = dict(_KINDS)
        path = str(token).removeprefix("Token").lstrip(".")
        while path and path not in names:
            path = path.rpartition(".")[0]
        found = _kind_of_token[token] = names.get(path, WordKind.PLAIN)
    return found
