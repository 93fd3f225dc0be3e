"""Finding, among many queries, one that is nearly the same as another.

The similarity is Jaccard's: words that both have, over words that either has. The search is exact
and looks at few queries: two word sets can only be that alike if they share one of their rarest
words, as many of each as may differ and one more (prefix filtering: Chaudhuri, Ganti and Kaushik
2006; Bayardo, Ma and Srikant 2007).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from train.training_set.query_text import QueryText

_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Match:
    """The query found: its place, how alike the word sets are, whether the letters are the same."""

    place: int
    similarity: float
    same_text: bool


class NearDuplicates:
    """Queries to be searched.

    Args:
        texts: the queries.
        threshold: similarity from which on a query is found, above 0 and at most 1.
    """

    def __init__(self, texts: Sequence[QueryText], threshold: float) -> None:
        self._threshold = threshold
        self._words = [text.words for text in texts]
        self._plain: dict[str, int] = {}
        self._same_words: dict[frozenset[str], int] = {}
        counts = Counter(word for text in texts for word in text.words)
        rarest_first = sorted(counts, key=lambda word: (counts[word], word))
        self._rarity = {word: place for place, word in enumerate(rarest_first)}
        self._having: dict[str, list[int]] = defaultdict(list)
        for place, text in enumerate(texts):
            self._plain.setdefault(text.plain, place)
            if text.words:
                self._same_words.setdefault(text.words, place)
                for word in self._prefix(text.words):
                    self._having[word].append(place)

    def __len__(self) -> int:
        """Return the number of queries."""
        return len(self._words)

    def find(self, text: QueryText) -> Match | None:
        """Return the query most alike, the first of several; None when none is alike enough."""
        same = self._plain.get(text.plain)
        if same is not None:
            return Match(same, 1.0, same_text=True)
        same = self._same_words.get(text.words)
        if same is not None:
            return Match(same, 1.0, same_text=False)
        return self._nearest(text.words)

    def _nearest(self, words: frozenset[str]) -> Match | None:
        best: Match | None = None
        least, most = len(words) * self._threshold, len(words) / self._threshold
        for place in {each for word in self._prefix(words) for each in self._having.get(word, ())}:
            others = self._words[place]
            if not least - _ROUNDING <= len(others) <= most + _ROUNDING:
                continue
            shared = len(words & others)
            similarity = shared / (len(words) + len(others) - shared)
            if similarity < self._threshold - _ROUNDING:
                continue
            if best is None or (-similarity, place) < (-best.similarity, best.place):
                best = Match(place, similarity, same_text=False)
        return best

    def _prefix(self, words: frozenset[str]) -> list[str]:
        """Return the rarest words, of which a query alike must have one."""
        known = [word for word in words if word in self._rarity]
        length = len(words) - math.ceil(len(words) * self._threshold - _ROUNDING) + 1
        length -= len(words) - len(known)  # an unknown word is the rarest of all
        return sorted(known, key=self._rarity.__getitem__)[: max(0, length)]
