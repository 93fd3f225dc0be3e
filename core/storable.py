"""Text as the store, the journal and the files can keep it."""

from __future__ import annotations

from typing import Final

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
