"""Reciprocal rank fusion of several retrievers."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from eval.retrievers.base import Found, rank_scored

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from core.records import SpecQuery
    from eval.retrievers.base import Parameters, Ranking, Retriever

#: The constant of Cormack, Clarke and Buettcher (SIGIR 2009).
FUSION_CONSTANT: Final = 60
#: How deep every ranking is read.
FUSED_DEPTH: Final = 1000


class HybridRetriever:
    """Scores a path by the sum of 1 / (60 + rank) over the rankings that contain it."""

    name: Final = "hybrid"

    def __init__(self, parts: Sequence[Retriever]) -> None:
        self._parts = tuple(parts)

    @property
    def parameters(self) -> Parameters:
        """The parts and their parameters."""
        own: dict[str, str | int | float] = {
            "parts": "+".join(part.name for part in self._parts),
            "k": FUSION_CONSTANT,
            "depth": FUSED_DEPTH,
        }
        for part in self._parts:
            own |= {f"{part.name}.{name}": value for name, value in part.parameters.items()}
        return own

    @property
    def checkpoint(self) -> str:
        """The hash of the first part with weights."""
        return next((part.checkpoint for part in self._parts if part.checkpoint), "")

    @property
    def notices(self) -> tuple[str, ...]:
        """The notices of all parts."""
        return tuple(notice for part in self._parts for notice in part.notices)

    def rank(self, queries: Sequence[SpecQuery], depth: int) -> Iterator[Ranking]:
        """Yield every query's best paths."""
        read = max(depth, FUSED_DEPTH)
        for rankings in zip(*(part.rank(queries, read) for part in self._parts), strict=True):
            yield fuse(rankings, depth)


def fuse(rankings: Sequence[Ranking], depth: int) -> Ranking:
    """Return the fused ranking; ties as in ``rank_paths``.

    A path's document comes from the ranking with the path highest, the first of equals.
    """
    scores: dict[str, float] = defaultdict(float)
    best: dict[str, tuple[int, Found]] = {}
    for ranking in rankings:
        for rank, found in enumerate(ranking, start=1):
            scores[found.path] += 1 / (FUSION_CONSTANT + rank)
            if found.path not in best or rank < best[found.path][0]:
                best[found.path] = (rank, found)
    return tuple(
        Found(path, scores[path], best[path][1].document_id) for path in rank_scored(scores, depth)
    )
