"""Words of code and queries, BM25 over documents, and queries that are nearly the same.

The ranking is the library ``bm25s`` (Lucene's variant, k1 = 1.5, b = 0.75), the stems are
Snowball's. This module decides what a word is, reads the documents in pages, and breaks ties the
same way every time.
"""

from __future__ import annotations

import math
import re
import unicodedata
from array import array
from collections import Counter, OrderedDict, defaultdict
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Final

from Stemmer import Stemmer

from core.records import Origin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from uuid import UUID

    import numpy as np
    from bm25s import BM25
    from numpy.typing import NDArray

    from core.store.database import Store

    #: BM25 scores of all documents of an index, in the order of their ids.
    Scores = NDArray[np.float32]

#: Only this much of a document is indexed, so that memory stays bounded.
INDEXED_CHARACTERS: Final = 200_000
PAGE_SIZE: Final = 500
_CACHE_BYTES: Final = 64 << 20
#: Runs of capitals, words, numbers, letters of other scripts: ``HTTPServer_v2`` gives HTTP,
#: Server, v and 2.
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_a-zA-Z]+")
_NOT_WORD: Final = re.compile(r"[\W_]+")
#: Scripts that put no space between words: Chinese, Japanese, Korean.
_UNSPACED: Final = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
#: Tolerance for similarities that floating point puts a little below the threshold.
_ROUNDING: Final = 1e-9
STOPWORDS: Final = frozenset(
    """
    an and are as at be been but by can do does for from had has have how if in into is it its me my
    no not of on or our so some such that the their them then there these they this those to up was
    we were what when where which while who why will with you your
    """.split()  # noqa: SIM905 - seventy strings in brackets read worse
)


def tokenise(text: str) -> list[str]:
    """Split code or a query into lower-case words.

    Identifiers are split at underscores and at changes of case. Stopwords and single Latin letters
    are dropped.
    """
    words = map(str.lower, _WORD.findall(text))
    return [
        word
        for word in words
        if word not in STOPWORDS and (len(word) > 1 or not word.isascii() or word.isdigit())
    ]


class LexicalIndex:
    """A BM25 index in memory. Not safe to share between threads.

    Args:
        identifiers: the documents' ids, ascending: a tie goes to the smaller id.
        token_ids: the word numbers of each document, in the same order.
        vocabulary: maps words to numbers, from 0 without gaps.
    """

    origin: Final = Origin.LEXICAL

    def __init__(
        self, identifiers: list[UUID], token_ids: list[array[int]], vocabulary: dict[str, int]
    ) -> None:
        self._identifiers = identifiers
        self._positions = {identifier: place for place, identifier in enumerate(identifiers)}
        self._vocabulary = vocabulary
        self._engine = _engine(token_ids, vocabulary)
        self._cached: OrderedDict[str, Scores] = OrderedDict()
        self._cache_limit = max(1, _CACHE_BYTES // (4 * max(1, len(identifiers))))

    def __len__(self) -> int:
        """Return the number of documents."""
        return len(self._identifiers)

    def __contains__(self, identifier: UUID) -> bool:
        """Whether the document is indexed."""
        return identifier in self._positions

    def rank(self, query_text: str, top: int) -> list[tuple[UUID, float]]:
        """Return the ``top`` documents with their scores, best first; a tie goes to the smaller id.

        There are fewer if fewer share a word with the query.
        """
        return self._best(self.scores(query_text), None, top)

    def rank_among(
        self, query_text: str, documents: Sequence[UUID], top: int
    ) -> list[tuple[UUID, float]]:
        """Rank these documents only, as ``rank`` does all of them."""
        import numpy as np

        places = sorted(
            self._positions[document] for document in set(documents) if document in self._positions
        )
        return self._best(self.scores(query_text), np.asarray(places, dtype=np.int64), top)

    def place(self, query_text: str, document: UUID) -> int | None:
        """Return the document's rank from 1; equal scores share the best rank.

        None if the document shares no word with the query or is not in the index.
        """
        position = self._positions.get(document)
        if position is None:
            return None
        scores = self.scores(query_text)
        own = scores[position]
        return int((scores > own).sum()) + 1 if own > 0 else None

    def scores(self, query_text: str) -> Scores:
        """Return the BM25 score of every document, in the order of the ids."""
        import numpy as np

        if query_text in self._cached:
            self._cached.move_to_end(query_text)
            return self._cached[query_text]
        words = [
            self._vocabulary[word] for word in tokenise(query_text) if word in self._vocabulary
        ]
        if self._engine is None or not words:
            found: Scores = np.zeros(len(self._identifiers), dtype=np.float32)
        else:
            found = self._engine.get_scores_from_ids(words)
        self._cached[query_text] = found
        if len(self._cached) > self._cache_limit:
            self._cached.popitem(last=False)
        return found

    def _best(
        self, scores: Scores, places: NDArray[np.int64] | None, top: int
    ) -> list[tuple[UUID, float]]:
        import numpy as np

        chosen = np.flatnonzero(scores > 0) if places is None else places[scores[places] > 0]
        if 0 < top < len(chosen):
            least = np.partition(scores[chosen], len(chosen) - top)[len(chosen) - top]
            chosen = chosen[scores[chosen] >= least]
        order = chosen[np.lexsort((chosen, -scores[chosen]))][:top]
        return [(self._identifiers[place], float(scores[place])) for place in order]


def build_index(
    store: Store,
    *,
    only_corpus: bool = True,
    advance: Callable[[int], None] = lambda _: None,
) -> LexicalIndex:
    """Index the path, symbol and text of the store's documents.

    Args:
        store: read in pages; the texts are not kept in memory.
        only_corpus: leave out documents that are no longer part of the corpus.
        advance: called with the number of documents read so far; may raise to cancel.
    """
    vocabulary: dict[str, int] = {}
    identifiers: list[UUID] = []
    token_ids: list[array[int]] = []
    for page in _pages(store, only_corpus=only_corpus):
        for identifier, text in page:
            identifiers.append(identifier)
            token_ids.append(_numbered(tokenise(text), vocabulary))
        advance(len(identifiers))
    return LexicalIndex(identifiers, token_ids, vocabulary)


def _numbered(words: Iterable[str], vocabulary: dict[str, int]) -> array[int]:
    return array("i", [vocabulary.setdefault(word, len(vocabulary)) for word in words])


def _pages(store: Store, *, only_corpus: bool) -> Iterator[list[tuple[UUID, str]]]:
    condition = "WHERE in_corpus" if only_corpus else ""
    identifiers = [
        row[0] for row in store.read(f"SELECT id FROM db.documents {condition} ORDER BY id")
    ]
    for start in range(0, len(identifiers), PAGE_SIZE):
        yield [
            (row[0], row[1])
            for row in store.read(
                "SELECT id, path || ' ' || symbol || ' ' || left(text, $2) FROM db.documents"
                " WHERE id IN (SELECT unnest(CAST($1 AS UUID[]))) ORDER BY id",
                [identifiers[start : start + PAGE_SIZE], INDEXED_CHARACTERS],
            )
        ]


def _engine(token_ids: list[array[int]], vocabulary: dict[str, int]) -> BM25 | None:
    if not vocabulary:
        return None
    from bm25s import BM25

    engine = BM25(method="lucene")
    engine.index((token_ids, vocabulary), create_empty_token=False, show_progress=False)
    return engine


@dataclass(frozen=True, slots=True)
class WordOverlap:
    """The distinct words of a query, lower-case: those that a document has, and the others."""

    shared: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """The fraction of the query's words that the document has; 0 for a query without words."""
        words = len(self.shared) + len(self.absent)
        return len(self.shared) / words if words else 0.0


def word_overlap(
    query: str, text: str, form: Callable[[str], str] = lambda word: word
) -> WordOverlap:
    """Compare words as ``tokenise`` splits them.

    Args:
        query: the query.
        text: the document's text.
        form: what is compared of each word: the word itself, or its ``stem``.
    """
    words = tuple(dict.fromkeys(tokenise(query)))
    present = {form(word) for word in tokenise(text[:INDEXED_CHARACTERS])}
    return WordOverlap(
        tuple(word for word in words if form(word) in present),
        tuple(word for word in words if form(word) not in present),
    )


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """Return the stem of a lower-case English word by Snowball: watched and watches give watch.

    Agent nouns keep their ending: a watcher is not a watch. Words with other letters than ASCII's
    come back as they are.
    """
    # A Stemmer is not safe to share between threads; a new one costs 4 µs.
    return str(Stemmer("english").stemWord(word)) if word.isascii() else word


@dataclass(frozen=True, slots=True)
class QueryText:
    """A query normalised for comparison.

    ``plain`` holds its letters and digits without case or accents (of a query without any, all but
    the white space); ``words`` its stems without stopwords (of a query of stopwords, with them).
    """

    plain: str
    words: frozenset[str]

    @property
    def key(self) -> str:
        """A text that queries with the same words share."""
        return " ".join(sorted(self.words)) or self.plain


def query_text(text: str) -> QueryText:
    """Normalise a query for comparison."""
    bare = unicodedata.normalize("NFKD", text)
    if not bare.isascii():
        bare = "".join(letter for letter in bare if not unicodedata.combining(letter))
    folded = bare.casefold()
    plain = _NOT_WORD.sub("", folded) or "".join(folded.split())
    words = tokenise(bare) or _NOT_WORD.sub(" ", folded).split()
    return QueryText(plain, frozenset(part for word in words for part in _parts(word)))


def _parts(word: str) -> Iterable[str]:
    """Return the stem of a word; of scripts that do not separate words, every two characters."""
    if len(word) > 1 and _UNSPACED.search(word):
        return (word[place : place + 2] for place in range(len(word) - 1))
    return (stem(word),)


@dataclass(frozen=True, slots=True)
class Match:
    """The most similar query: its position, the similarity, and whether the letters are equal."""

    place: int
    similarity: float
    same_text: bool


class NearDuplicates:
    """Finds the query most similar to a given one, by the Jaccard similarity of their word sets.

    The search is exact and compares few queries: two word sets can only reach the threshold if
    they share one of their rarest words, among as many as may differ and one more (prefix
    filtering: Chaudhuri, Ganti and Kaushik 2006; Bayardo, Ma and Srikant 2007).

    Args:
        texts: the queries to search.
        threshold: the least similarity of a match, above 0 and at most 1.
    """

    def __init__(self, texts: Sequence[QueryText], threshold: float) -> None:
        self._threshold = threshold
        self._words: list[frozenset[str]] = []
        self._plain: dict[str, int] = {}
        self._same_words: dict[frozenset[str], int] = {}
        counts = Counter(word for text in texts for word in text.words)
        rarest_first = sorted(counts, key=lambda word: (counts[word], word))
        self._rarity = {word: place for place, word in enumerate(rarest_first)}
        self._with_word: dict[str, list[int]] = defaultdict(list)
        for text in texts:
            self.add(text)

    def __len__(self) -> int:
        """Return the number of queries."""
        return len(self._words)

    def add(self, text: QueryText) -> None:
        """Add a query."""
        place = len(self._words)
        self._words.append(text.words)
        self._plain.setdefault(text.plain, place)
        if not text.words:
            return
        self._same_words.setdefault(text.words, place)
        for word in text.words:
            # The order of the words may be any, but must not change: new ones come first.
            self._rarity.setdefault(word, -len(self._rarity))
        for word in self._prefix(text.words):
            self._with_word[word].append(place)

    def find(self, text: QueryText) -> Match | None:
        """Return the most similar query, the first of several; None below the threshold."""
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
        candidates = (self._with_word.get(word, ()) for word in self._prefix(words))
        for place in set(chain.from_iterable(candidates)):
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
        """Return the rarest words, one of which any similar query must have."""
        known = [word for word in words if word in self._rarity]
        length = len(words) - math.ceil(len(words) * self._threshold - _ROUNDING) + 1
        length -= len(words) - len(known)  # an unknown word is rarer than all known ones
        return sorted(known, key=self._rarity.__getitem__)[: max(0, length)]
