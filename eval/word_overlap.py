"""Which words of a query a document has."""

from __future__ import annotations

from dataclasses import dataclass

from labels.lexical_index import INDEXED_CHARACTERS, tokenise


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


def word_overlap(query: str, text: str) -> WordOverlap:
    """Compare words as the lexical index splits them: identifiers in parts, no stopwords."""
    words = tuple(dict.fromkeys(tokenise(query)))
    present = set(tokenise(text[:INDEXED_CHARACTERS]))
    return WordOverlap(
        tuple(word for word in words if word in present),
        tuple(word for word in words if word not in present),
    )
