"""BM25 over the documents of the corpus."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from eval.retrievers.base import rank_paths

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from core.jobs import Job
    from core.records import SpecQuery
    from core.search import LexicalIndex
    from core.store.database import Store
    from eval.corpus import Corpus
    from eval.retrievers.base import Parameters, Ranking


class LexicalRetriever:
    """Ranks by words shared with the query; a path without any is not found.

    Args:
        index: over exactly the documents of ``corpus``.
        corpus: the documents.
    """

    name: Final = "lexical"
    parameters: Final[Parameters] = {}
    checkpoint: Final = ""
    notices: Final[tuple[str, ...]] = ()

    def __init__(self, index: LexicalIndex, corpus: Corpus) -> None:
        self._index = index
        self._corpus = corpus

    def rank(self, queries: Sequence[SpecQuery], depth: int) -> Iterator[Ranking]:
        """Yield every query's best paths."""
        for asked in queries:
            scores = self._index.scores(asked.query.text)
            yield rank_paths(scores, self._corpus, depth, floor=0.0)


def build_lexical(store: Store, corpus: Corpus, job: Job) -> LexicalRetriever:
    """Index the corpus in memory."""
    from core.search import build_index

    advance = partial(job.step, total=len(corpus), note="documents indexed")
    index = build_index(store, advance=advance)
    return LexicalRetriever(index, corpus)
