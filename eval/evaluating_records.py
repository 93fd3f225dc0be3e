"""An eval as a record: one retriever on one spec, query by query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from core.records import Query
    from eval.metrics_interval import Figure


@dataclass(frozen=True, slots=True)
class WantedPath:
    """A path that should be found: its grade in the spec and its rank in the results, if any."""

    path: str
    grade: int | None
    rank: int | None


@dataclass(frozen=True, slots=True)
class QueryResult:
    """What an eval found for one query.

    ``rank`` is that of the first relevant result, from 1; None when none was among the results
    kept. ``problem`` says why the query could not be scored; it is empty for one that was.
    """

    position: int
    query: Query
    wanted: tuple[WantedPath, ...]
    rank: int | None
    problem: str = ""

    @property
    def scored(self) -> bool:
        """Whether the query counts in the figures."""
        return not self.problem

    def missed(self, k: int) -> bool:
        """Whether the query was scored and has no relevant path in the top ``k``."""
        return self.scored and (self.rank is None or self.rank > k)


@dataclass(frozen=True, slots=True)
class KindFigures:
    """The figures of the queries of one kind; ``kind`` is empty for all of them together."""

    kind: str
    queries: int
    figures: Mapping[str, Figure]


@dataclass(frozen=True, slots=True)
class EvalSummary:
    """An eval without its queries.

    ``parameters`` is a JSON object as text, keys sorted. ``by_kind`` begins with all queries
    together. ``k`` is the cut-off below which a query is a miss.
    """

    id: UUID
    spec_id: UUID
    spec_name: str
    retriever: str
    parameters: str
    checkpoint: str
    corpus_hash: str
    documents: int
    k: int
    started: datetime
    finished: datetime
    by_kind: tuple[KindFigures, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def figures(self) -> Mapping[str, Figure]:
        """The figures over all scored queries; empty when none was scored."""
        return self.by_kind[0].figures if self.by_kind else {}


@dataclass(frozen=True, slots=True)
class Eval:
    """An eval with its queries, in the order of the spec."""

    summary: EvalSummary
    queries: tuple[QueryResult, ...]
