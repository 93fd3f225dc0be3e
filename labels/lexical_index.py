"""BM25 over documents, with words split as code splits them.

The ranking is the library ``bm25s`` (Lucene's variant, k1 = 1.5, b = 0.75). This file decides what
a word is, reads the documents in pages, and breaks ties the same way every time.
"""

from __future__ import annotations

import re
from array import array
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from core.records import Origin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from uuid import UUID

    import numpy as np
    from bm25s import BM25
    from numpy.typing import NDArray

    from core.store import Store

    #: BM25 scores, one for each document of an index, in the order of the documents' ids.
    Scores = NDArray[np.float32]

#: Of a longer document only the first characters are indexed, so that memory stays bounded.
INDEXED_CHARACTERS: Final = 200_000
PAGE_SIZE: Final = 500
_CACHE_BYTES: Final = 64 << 20

#: Runs of capitals, words, numbers, and letters of other scripts: ``HTTPServer_v2`` gives HTTP,
#: Server, v, 2.
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_a-zA-Z]+")

STOPWORDS: Final = frozenset(
    """
    an and are as at be been but by can do does for from had has have how if in into is it its me my
    no not of on or our so some such that the their them then there these they this those to up was
    we were what when where which while who why will with you your
    """.split()  # noqa: SIM905 - seventy strings in brackets read worse
)


def tokenise(text: str) -> list[str]:
    """Return the words of code or of a query, lower-case, in order.

    Identifiers are split at underscores and at changes of case. Stopwords and single Latin letters
    are left out.
    """
    words = map(str.lower, _WORD.findall(text))
    return [
        word
        for word in words
        if word not in STOPWORDS and (len(word) > 1 or not word.isascii() or word.isdigit())
    ]


class LexicalIndex:
    """A BM25 index held in memory. Not to be shared between threads.

    Args:
        identifiers: the documents' ids, ascending: a tie goes to the smaller id.
        token_ids: for each document the numbers of its words, in the same order.
        vocabulary: the number of each word, from 0 without gaps.
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
        """Return the best documents with their scores, best first; a tie goes to the smaller id.

        Documents that share no word with the query are left out, so fewer than ``top`` may come.
        """
        return self._best(self.scores(query_text), None, top)

    def rank_among(
        self, query_text: str, documents: Sequence[UUID], top: int
    ) -> list[tuple[UUID, float]]:
        """Return the best of these documents, as ``rank`` does of all."""
        import numpy as np

        places = sorted(self._positions[one] for one in set(documents) if one in self._positions)
        return self._best(self.scores(query_text), np.asarray(places, dtype=np.int64), top)

    def place(self, query_text: str, document: UUID) -> int | None:
        """Return the document's rank from 1; documents with the same score share the best rank.

        None where the document shares no word with the query, or is not in the index.
        """
        position = self._positions.get(document)
        if position is None:
            return None
        scores = self.scores(query_text)
        own = scores[position]
        return int((scores > own).sum()) + 1 if own > 0 else None

    def scores(self, query_text: str) -> Scores:
        """Return every document's BM25 score for a query, in the order of the ids."""
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
        store: read in pages; the texts are not kept.
        only_corpus: leave out documents that are not part of the corpus as it stands now.
        advance: called with the number of documents read so far; may raise to stop the work.
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
