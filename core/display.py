"""The one way by which text from outside reaches a terminal.

Code, queries, rationales, notes, paths and error messages of servers may hold escape sequences,
bidirectional overrides and zero-width characters. They are shown, never sent.
"""

from __future__ import annotations

import unicodedata
from typing import Final

#: A screenful of prose and then some: what is longer is no query, rationale, note or name.
SHOWN_CHARACTERS: Final = 10_000

_LATIN_1_END: Final = 0x100
_TAGS: Final = 0xE0000
_LAST_KEPT: Final = 0xFFFF


def _shown(codepoint: int) -> str:
    return f"\\x{codepoint:02x}" if codepoint < _LATIN_1_END else f"<U+{codepoint:04X}>"


_KEPT: Final = {0x09, 0x0A}
_INVISIBLE_CATEGORIES: Final = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}

#: The blocks in which they are looked for: private use is left to fonts.
_LOOKED_THROUGH: Final = (
    range(0x3000),
    range(0xD800, 0xE000),
    range(0xFE00, 0x10000),
    range(0xE0000, 0xE0080),
)


class _Table(dict[int, int | str]):
    """Maps each character to what is shown for it, found when it is first met."""

    def __missing__(self, codepoint: int) -> int | str:
        shown: int | str = _shown(codepoint) if _is_invisible(codepoint) else codepoint
        if codepoint <= _LAST_KEPT:
            self[codepoint] = shown
        return shown


def _is_invisible(codepoint: int) -> bool:
    if codepoint in _KEPT or not any(codepoint in block for block in _LOOKED_THROUGH):
        return False
    return codepoint >= _TAGS or unicodedata.category(chr(codepoint)) in _INVISIBLE_CATEGORIES


_TABLE: Final = _Table()


def displayable(text: str) -> str:
    r"""Return ``text`` with every control and invisible formatting character made visible.

    Newlines and tabs stay; ``\x1b`` comes out as the four characters ``\x1b``, U+202E as
    ``<U+202E>``. The result holds nothing that a terminal acts on, but it may hold what Rich or
    Textual would read as markup: hand it to them as ``rich.text.Text`` or Textual's ``Content``.
    """
    return text.translate(_TABLE)


def displayable_line(text: str) -> str:
    r"""Return ``displayable`` text on one line: newlines come out as ``\n``, tabs as a space."""
    return displayable(text).replace("\n", "\\n").replace("\t", " ")


def shortened(text: str, limit: int = SHOWN_CHARACTERS) -> str:
    """Return ``text``, or its first ``limit`` characters and how many were left out."""
    left_out = len(text) - limit
    return text if left_out <= 0 else f"{text[:limit]}… and {left_out:,} characters more"
