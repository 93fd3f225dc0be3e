"""Make text from outside safe to show, to report and to store.

Code, queries, rationales, notes, paths and server errors may contain escape sequences,
bidirectional overrides and zero-width characters. They are made visible, never sent to a terminal.
Tracebacks are shown without local variables and secrets, since those would reveal API keys.
"""

from __future__ import annotations

import os
import re
import traceback
import unicodedata
from typing import Final

#: More than a screenful: longer queries, rationales, notes and names are cut.
SHOWN_CHARACTERS: Final = 10_000
NOT_YOURS: Final = "This is a bug in rejudge, not a mistake of yours. Your work so far is kept."
_KEPT: Final = {0x09, 0x0A}
_INVISIBLE_CATEGORIES: Final = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
#: The blocks that have invisible characters. Private use areas are left to fonts.
_CHECKED_BLOCKS: Final = (
    range(0x3000),
    range(0xD800, 0xE000),
    range(0xFE00, 0x10000),
    range(0xE0000, 0xE0080),
)
_LATIN_1_END: Final = 0x100
_TAGS: Final = 0xE0000
_LAST_CACHED: Final = 0xFFFF
_SECRET: Final = re.compile(r"(?:KEY|TOKEN|PASSWORD|SECRET)$", re.IGNORECASE)
#: Shorter values also occur within ordinary words, and protect nothing.
_SHORTEST_SECRET: Final = 6
#: Characters kept at either end of a long message.
_EACH_END: Final = 10_000
_REPLACEMENT: Final = "\ufffd"


def displayable(text: str) -> str:
    r"""Return ``text`` with all control and invisible formatting characters made visible.

    Newlines and tabs stay. Escape becomes the four characters ``\x1b``, U+202E becomes
    ``<U+202E>``. A terminal acts on nothing in the result, but Rich and Textual may find markup in
    it: pass it to them as ``rich.text.Text`` or Textual's ``Content``.
    """
    return text.translate(_TABLE)


def displayable_line(text: str) -> str:
    r"""Return ``displayable`` text on one line: newlines become ``\n``, tabs a space."""
    return displayable(text).replace("\n", "\\n").replace("\t", " ")


def shortened(text: str, limit: int = SHOWN_CHARACTERS) -> str:
    """Return ``text``, or its first ``limit`` characters and the number of the others."""
    left_out = len(text) - limit
    return text if left_out <= 0 else f"{text[:limit]}… and {left_out:,} more characters"


def crash_text(error: BaseException) -> str:
    """Return an error's traceback without local variables, secrets and control characters."""
    return safe_text("".join(traceback.format_exception(error)).rstrip())


def safe_text(text: str) -> str:
    """Return text without the environment's secrets and with control characters made visible.

    The middle of a long text is left out.
    """
    safe = displayable(without_secrets(text))
    left_out = len(safe) - 2 * _EACH_END
    if left_out <= 0:
        return safe
    return f"{safe[:_EACH_END]}\n… {left_out:,} characters left out …\n{safe[-_EACH_END:]}"


def without_secrets(text: str) -> str:
    """Return text without the values of environment variables named like keys or passwords."""
    secrets = {
        value.strip()
        for name, value in os.environ.items()
        if _SECRET.search(name) and len(value.strip()) >= _SHORTEST_SECRET
    }
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def storable(text: str) -> str:
    """Return ``text`` with U+FFFD in place of each NUL and each lone surrogate.

    Lone surrogates come from file names and command lines that are not UTF-8, and from cut JSON.
    PostgreSQL refuses NUL.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\0", _REPLACEMENT)


def _shown(codepoint: int) -> str:
    return f"\\x{codepoint:02x}" if codepoint < _LATIN_1_END else f"<U+{codepoint:04X}>"


class _Table(dict[int, int | str]):
    """Maps each character to what is shown for it, computed at its first use."""

    def __missing__(self, codepoint: int) -> int | str:
        shown: int | str = _shown(codepoint) if _is_invisible(codepoint) else codepoint
        if codepoint <= _LAST_CACHED:
            self[codepoint] = shown
        return shown


def _is_invisible(codepoint: int) -> bool:
    if codepoint in _KEPT or not any(codepoint in block for block in _CHECKED_BLOCKS):
        return False
    return codepoint >= _TAGS or unicodedata.category(chr(codepoint)) in _INVISIBLE_CATEGORIES


_TABLE: Final = _Table()
