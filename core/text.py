"""The one way by which text from outside reaches a terminal.

Code, queries, rationales, notes, paths and error messages of servers may hold escape sequences,
bidirectional overrides and zero-width characters. They are shown, never sent.

What is told of a mistake of rejudge itself: where it happened, and no more than that.

A traceback with the values of local variables would hold API keys, and one with plain text of a
corpus its escape sequences.

Text as the store, the journal and the files can keep it.
"""

from __future__ import annotations

import os
import re
import traceback
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


NOT_YOURS: Final = "This is a mistake of rejudge, not yours. What you did before is kept."
_SECRET: Final = re.compile(r"(?:KEY|TOKEN|PASSWORD|SECRET)$", re.IGNORECASE)
#: What is shorter stands in other words too, and protects nothing.
_SHORTEST_SECRET: Final = 6
#: Characters from either end of a message that is longer than both.
_EACH_END: Final = 10_000


def crash_text(error: BaseException) -> str:
    """Return the traceback of an error, safe to show: no local variable, no key, no control."""
    return safe_text("".join(traceback.format_exception(error)).rstrip())


def safe_text(text: str) -> str:
    """Return text in which the environment's secrets are struck out and controls are visible.

    Of a long one only its ends are left.
    """
    known = displayable(without_secrets(text))
    left_out = len(known) - 2 * _EACH_END
    if left_out <= 0:
        return known
    return f"{known[:_EACH_END]}\n… {left_out:,} characters left out …\n{known[-_EACH_END:]}"


def without_secrets(text: str) -> str:
    """Return text without the values of variables that are named as keys and passwords are."""
    secrets = {
        value.strip()
        for name, value in os.environ.items()
        if _SECRET.search(name) and len(value.strip()) >= _SHORTEST_SECRET
    }
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


_REPLACEMENT: Final = "\ufffd"


def storable(text: str) -> str:
    """Return ``text`` with U+FFFD for each NUL and for each half of a surrogate pair.

    Such halves stand in names of files and in words of a command line that are not UTF-8, and in
    JSON that somebody cut; NUL is refused by PostgreSQL.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\0", _REPLACEMENT)
