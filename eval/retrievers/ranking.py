"""What a retriever is, and how document scores become a ranking of paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from uuid import UUID

    import numpy as np
    from numpy.typing import NDArray

    from core.records import SpecQuery
    from eval.corpus import Corpus

#: What an eval records about how a retriever was set.
Parameters: TypeAlias = "Mapping[str, str | int | float]"


@dataclass(frozen=True, slots=True)
class Found:
    """A result: a path, its score, and the document of that path that scored best, if known."""

    path: str
    score: float
    document_id: UUID | None = None


#: Results, best first, no path twice.
Ranking: TypeAlias = "tuple[Found, ...]"


class Retriever(Protocol):
    """Finds paths of the corpus for queries.

    ``name`` is its kind, ``parameters`` are what else decides the results, ``checkpoint`` is the
    hash of the weights, empty where there are none. ``notices`` tells, after ranking, what a
    person should know about the results.
    """

    @property
    def name(self) -> str:
        """Its kind."""

    @property
    def parameters(self) -> Parameters:
        """What else decides the results."""

    @property
    def checkpoint(self) -> str:
        """The hash of its weights, or an empty string."""

    @property
    def notices(self) -> tuple[str, ...]:
        """What a person should know about the results so far."""

    def rank(self, queries: Sequence[SpecQuery], depth: int) -> Iterator[Ranking]:
        """Yield each query's best ``depth`` paths, in the order of the queries."""


def rank_paths(scores: NDArray[np.float32], corpus: Corpus, depth: int, floor: float) -> Ranking:
    """Return the best paths by their best documents.

    Equal scores are in the order of their paths; of a path's equal documents the smaller id counts.

    Args:
        scores: one for each document of the corpus, in the order of ``corpus.ids``.
        corpus: the documents.
        depth: paths returned at the most.
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
    order = chosen[np.lexsort((chosen, -best[chosen]))][:depth]
    ends = np.append(corpus.path_starts[1:], len(by_path))
    found = []
    for place in order.tolist():
        start = int(corpus.path_starts[place])
        offset = int(sorted_scores[start : int(ends[place])].argmax())
        document = corpus.ids[int(by_path[start + offset])]
        found.append(Found(corpus.paths[place], float(best[place]), document))
    return tuple(found)
