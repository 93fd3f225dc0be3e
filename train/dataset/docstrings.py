"""What a document says about itself, and its code without that.

Python's docstring, and in every language the comment above the code; found line by line, so that
any language with the usual marks will do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_SLASHES: Final = ("///", "//!", "//")
_MARKS: Final = (*_SLASHES, "#!", "#", "--", ";;")
#: Languages in which a line that begins with ``#`` or ``--`` is code.
_SLASHES_ONLY: Final = frozenset(
    {"c", "cpp", "go", "java", "javascript", "rust", "swift", "tsx", "typescript"}
)
_ATTRIBUTE: Final = re.compile(r"\s*(?:@\w|#!?\[)")
_OPENING: Final = re.compile(r"\s*(?:/\*+!?|\(\*)")
_DEFINITION: Final = re.compile(r"\s*(?:async\s+)?(?:def|class)\b")
_ENDS_HEADER: Final = re.compile(r":\s*(?:#.*)?$")
_STRING: Final = re.compile(r"\s*[rRuU]?(\"\"\"|'''|\"|')")
_BLOCK_ENDS: Final = ("*/", "*)")
#: Where the description ends and lists of parameters, examples or links begin.
_SECTION: Final = re.compile(
    r"^(?:[@\\:]\w+|(?:Args?|Arguments|Parameters|Params|Returns?|Raises|Yields|Examples?|Usage|"
    r"Notes?|See also|Throws|Safety|Panics|Errors)\b:?\s*$|>>>|```|#+\s|[-=~*]{3,})",
    re.IGNORECASE,
)
_NO_DESCRIPTION: Final = re.compile(
    r"copyright|licen[cs]e|spdx|all rights reserved|auto-?generated|do not edit|eslint|noqa|"
    r"type: ignore|pragma|clang-format|coding[:=]|https?://",
    re.IGNORECASE,
)
_SENTENCE_END: Final = re.compile(r"(?<=[a-z0-9)\]`'\"])[.!?](?:\s|$)")
_LEAST_WORDS: Final = 3
#: A word, not a variable of one letter.
_SPOKEN: Final = re.compile(r"[^\W\d_]{2}")
_MOST_WORDS: Final = 40
_MOST_CHARACTERS: Final = 400
_LEAST_CODE: Final = 30


@dataclass(frozen=True, slots=True)
class Described:
    """The first sentence of a description, and the code that it was taken out of."""

    description: str
    code: str


def described(text: str, language: str) -> Described | None:
    """Take a document apart; None where it says nothing of itself, or where no code is left.

    Args:
        text: the document.
        language: its language; ``python`` has docstrings.
    """
    lines = text.splitlines(keepends=True)
    place = _python_docstring(lines) if language == "python" else None
    place = place or _comment_above(lines, _SLASHES if language in _SLASHES_ONLY else _MARKS)
    if place is None:
        return None
    start, end = place
    description = _first_sentence(lines[start:end])
    code = "".join(lines[:start] + lines[end:])
    if description is None or len(code.strip()) < _LEAST_CODE:
        return None
    return Described(description, code)


def _python_docstring(lines: list[str]) -> tuple[int, int] | None:
    """Return the lines of the docstring of the first definition, or else of the module."""
    header = next((i for i, line in enumerate(lines) if _DEFINITION.match(line)), None)
    if header is None or any(_STRING.match(line) for line in lines[:header]):
        return _string_at(lines, 0)
    for place in range(header, len(lines)):
        if _ENDS_HEADER.search(lines[place]):
            return _string_at(lines, place + 1)
    return None


def _string_at(lines: list[str], start: int) -> tuple[int, int] | None:
    """Return the lines of the string that begins there, blank lines and comments passed over."""
    while start < len(lines) and (not lines[start].strip() or lines[start].lstrip()[0] == "#"):
        start += 1
    opened = _STRING.match(lines[start]) if start < len(lines) else None
    if opened is None:
        return None
    quote = opened[1]
    if quote in lines[start][opened.end() :]:
        # Something behind it, and it is part of an expression.
        return (start, start + 1) if lines[start].rstrip().endswith(quote) else None
    if len(quote) == 1:
        return None
    for place in range(start + 1, len(lines)):
        if quote in lines[place]:
            return (start, place + 1) if lines[place].rstrip().endswith(quote) else None
    return None


def _comment_above(lines: list[str], marks: tuple[str, ...]) -> tuple[int, int] | None:
    """Return the lines of the comment at the top, after attributes and decorators if any."""
    start = 0
    while start < len(lines) and (
        not lines[start].strip() or _ATTRIBUTE.match(lines[start]) or lines[start].startswith("#!")
    ):
        start += 1
    end = start
    if start < len(lines) and _OPENING.match(lines[start]):
        while end < len(lines) and not any(mark in lines[end] for mark in _BLOCK_ENDS):
            end += 1
        closed = end < len(lines) and lines[end].rstrip().endswith(_BLOCK_ENDS)
        return (start, end + 1) if closed else None
    while end < len(lines) and _is_comment(lines[end], marks):
        end += 1
    return (start, end) if end > start else None


def _is_comment(line: str, marks: tuple[str, ...]) -> bool:
    return line.lstrip().startswith(marks) and not _ATTRIBUTE.match(line)


def _first_sentence(lines: list[str]) -> str | None:
    kept: list[str] = []
    for line in lines:
        bare = _without_marks(line)
        if _SECTION.match(bare) or (kept and not bare):
            break
        if bare:
            kept.append(bare)
    whole = " ".join(" ".join(kept).split())
    if _NO_DESCRIPTION.search(whole):
        return None
    sentence = _SENTENCE_END.split(whole, maxsplit=1)[0].strip()
    words = sentence.split()
    if len([word for word in words if _SPOKEN.search(word)]) < _LEAST_WORDS:
        return None
    return " ".join(words[:_MOST_WORDS])[:_MOST_CHARACTERS]


def _without_marks(line: str) -> str:
    bare = line.strip()
    opened = _STRING.match(bare)
    if opened:
        bare = bare[opened.end() :]
    for end in ('"""', "'''", *_BLOCK_ENDS):
        bare = bare.removesuffix(end)
    if opened and len(opened[1]) == 1:
        bare = bare.removesuffix(opened[1])
    bare = _OPENING.sub("", bare, count=1)
    for mark in (*_MARKS, "*"):
        if bare.startswith(mark):
            bare = bare.removeprefix(mark)
            break
    return bare.strip()
