"""Whether a written query can be used: not the document's own words, and not asked already."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

from core.display import displayable_line
from labels.generating.generation_prompt import QUERY_LIMIT
from labels.lexical_index import tokenise
from labels.word_overlap import stem, word_overlap

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core.records import Document

#: Two queries share this part of all their words when they ask for the same in much the same way.
NEAR: Final = 0.7
_FEWEST_WORDS: Final = 2


class KnownQueries:
    """The queries that there are; finds those that a new one is nearly the same as."""

    def __init__(self, texts: Iterable[tuple[str, bool]]) -> None:
        """Take each query with whether a spec asks it."""
        self._words: list[frozenset[str]] = []
        self._of_spec: list[bool] = []
        self._having: defaultdict[str, list[int]] = defaultdict(list)
        for text, of_spec in texts:
            self.add(text, of_spec=of_spec)

    def add(self, text: str, *, of_spec: bool = False) -> None:
        """Take one more."""
        words = _words(text)
        for word in words:
            self._having[word].append(len(self._words))
        self._words.append(words)
        self._of_spec.append(of_spec)

    def refusal(self, text: str) -> str | None:
        """Return why a query is too near to one that there is; None when it is not.

        Near means: of the words of both, without endings, at least ``NEAR`` are in both (Jaccard).
        A spec's query is looked for first: to train on it would make the spec worthless.
        """
        words = _words(text)
        shared = Counter(place for word in words for place in self._having.get(word, ()))
        near = [
            place
            for place, count in shared.items()
            if count >= NEAR * len(words | self._words[place])
        ]
        if not near:
            return None
        return "a spec asks it" if any(self._of_spec[place] for place in near) else "asked already"


def overlap_share(query: str, document: Document) -> float:
    """Return the part of the query's words, without endings, that the document has, 0 to 1."""
    place = f"{document.path} {document.symbol} {document.text}"
    return word_overlap(query, place, form=stem).share


def refusal_of_text(query: str, document: Document, most_overlap: float) -> str | None:
    """Return why a query cannot be used for its document; None when it can."""
    if len(query) > QUERY_LIMIT:
        return f"longer than {QUERY_LIMIT} characters"
    if displayable_line(query) != query:
        return "control characters"
    if len(_words(query)) < _FEWEST_WORDS:
        return f"fewer than {_FEWEST_WORDS} words that say anything"
    share = overlap_share(query, document)
    if share > most_overlap:
        return f"{share:.0%} of its words are the code's own"
    return None


def _words(text: str) -> frozenset[str]:
    return frozenset(stem(word) for word in tokenise(text))
