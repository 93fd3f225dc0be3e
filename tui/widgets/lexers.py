"""Pygments lexers by the names that documents give their language."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from pygments.lexer import Lexer

#: Names that mean no language; asking Pygments about them would search every installed package.
_PLAIN: Final = {"", "text", "txt", "plain", "plaintext", "unknown"}


@lru_cache(64)
def lexer_for(language: str) -> Lexer | None:
    """Return the lexer of a language, None when there is none. Never guesses from the text."""
    name = language.strip().lower()
    if name in _PLAIN:
        return None
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return cast("Lexer", get_lexer_by_name(name))
    except ClassNotFound:
        return None
