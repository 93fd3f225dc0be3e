"""Which words of a query a document has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from labels.lexical_index import INDEXED_CHARACTERS, tokenise

if TYPE_CHECKING:
    from collections.abc import Callable

_ENDINGS: Final = ("ings", "ing", "ers", "ies", "ed", "er", "es", "s", "y")
_SHORTEST_STEM: Final = 3


@dataclass(frozen=True, slots=True)
class WordOverlap:
    """The words of a query, lower-case and once each: those the document has, and the others."""

    shared: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """The part of the query's words that the document has, 0 to 1; 0 of no words."""
        words = len(self.shared) + len(self.absent)
        return len(self.shared) / words if words else 0.0


def word_overlap(
    query: str, text: str, form: Callable[[str], str] = lambda word: word
) -> WordOverlap:
    """Compare words as the lexical index splits them: identifiers in parts, no stopwords.

    Args:
        query: the query.
        text: the document's.
        form: what of a word is compared; the word itself, or its ``stem``.
    """
    words = tuple(dict.fromkeys(tokenise(query)))
    present = {form(word) for word in tokenise(text[:INDEXED_CHARACTERS])}
    return WordOverlap(
        tuple(word for word in words if form(word) in present),
        tuple(word for word in words if form(word) not in present),
    )


def stem(word: str) -> str:
    """Return an English word without its commonest endings: watched, watching, watches: watch.

    It is rough, and means to be: words that it makes one are near enough to be called the same.
    """
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            word = word[: -len(ending)]
            break
    if len(word) > _SHORTEST_STEM and word[-1] == word[-2]:
        word = word[:-1]
    return word.removesuffix("e") if len(word) > _SHORTEST_STEM else word
