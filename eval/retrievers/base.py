"""The interface of retrievers, and rankings of paths from document scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    import numpy as np
    from numpy.typing import NDArray

    from core.records import SpecQuery
    from eval.corpus import Corpus

#: The settings of a retriever that an eval records.
Parameters: TypeAlias = Mapping[str, str | int | float]


@dataclass(frozen=True, slots=True)
class Found:
    """A result: a path with its score and, if known, its best document."""

    path: str
    score: float
    document_id: UUID | None = None


#: Results, best first, without duplicate paths.
Ranking: TypeAlias = tuple[Found, ...]


class Retriever(Protocol):
    """Finds paths of the corpus for queries."""

    @property
    def name(self) -> str:
        """Its name in ``RETRIEVERS``."""

    @property
    def parameters(self) -> Parameters:
        """The settings that decide its results."""

    @property
    def checkpoint(self) -> str:
        """The hash of its weights; empty without weights."""

    @property
    def notices(self) -> tuple[str, ...]:
        """What a person should know about the results so far."""

    def rank(self, queries: Sequence[SpecQuery], depth: int) -> Iterator[Ranking]:
        """Yield the best ``depth`` paths of every query, in the order of the queries."""


def rank_paths(scores: NDArray[np.float32], corpus: Corpus, depth: int, floor: float) -> Ranking:
    """Return the paths ranked by their best documents.

    Ties go to the path that sorts last, as in trec_eval (score descending, then document id
    descending). Of a path's equal documents the smallest id counts.

    Args:
        scores: of the documents, in the order of ``corpus.ids``.
        corpus: the documents.
        depth: how many paths at most.
        floor: a path must score more than this.
    """
    import numpy as np

    by_path = corpus.by_path
    sorted_scores = scores[by_path]
    best = np.maximum.reduceat(sorted_scores, corpus.path_starts)
    chosen = np.flatnonzero(best > floor)
    if len(chosen) > depth:
        least = np.partition(best[chosen], len(chosen) - depth)[len(chosen) - depth]
        chosen = chosen[best[chosen] >= least]
    order = chosen[np.lexsort((-chosen, -best[chosen]))][:depth]
    ends = np.append(corpus.path_starts[1:], len(by_path))
    found = []
    for place in order.tolist():
        start = int(corpus.path_starts[place])
        offset = int(sorted_scores[start : int(ends[place])].argmax())
        document = corpus.ids[int(by_path[start + offset])]
        found.append(Found(corpus.paths[place], float(best[place]), document))
    return tuple(found)


def rank_scored(scores: Mapping[str, float], depth: int) -> tuple[str, ...]:
    """Return the best ``depth`` paths; ties as in ``rank_paths``."""
    order = sorted(scores, key=lambda path: (scores[path], path), reverse=True)
    return tuple(order[:depth])
