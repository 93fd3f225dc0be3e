"""The queries of an eval: as a list with filters, and in detail with their documents."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from core.errors import InputError
from core.records import QueryKind
from core.search import WordOverlap, word_overlap
from core.store.tables import documents_by_id
from eval.comparing import Change, change_between
from eval.evals import read_results
from eval.metrics import is_relevant, meets
from eval.retrievers.base import Found
from labels.pairs.mining import RelevantPath, documents_of_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from uuid import UUID

    from core.records import Document, Query
    from core.store.database import Store
    from eval.evals import EvalSummary, QueryResult, WantedPath


@dataclass(frozen=True, slots=True)
class Candidate:
    """A path that was found or should have been found for a query.

    Attributes:
        path: of the corpus.
        rank: in the results, from 1; None if not among them.
        grade: in the spec.
        document: the best-scored document of the path or, if unknown, the one with most words of
            the query; None if the corpus has none now.
        query: the query's text.
    """

    path: str
    rank: int | None
    grade: int | None
    document: Document | None
    query: str

    @property
    def overlap(self) -> WordOverlap:
        """The words of the query that the document has; computed on every access."""
        return word_overlap(self.query, self.document.text) if self.document else WordOverlap()


@dataclass(frozen=True, slots=True)
class QueryDetail:
    """A query with its wanted paths, best rank first, and the results above the first of them.

    ``above`` is limited to the top ``k`` and empty if the first result is wanted. ``problem`` says
    why a query was not scored.
    """

    query: Query
    rank: int | None
    k: int
    problem: str
    wanted: tuple[Candidate, ...]
    above: tuple[Candidate, ...]

    @property
    def documents(self) -> tuple[UUID, ...]:
        """The documents of the wanted paths, then of the results above."""
        candidates = (*self.wanted, *self.above)
        return tuple(found.document.id for found in candidates if found.document is not None)


def query_detail(store: Store, summary: EvalSummary, position: int) -> QueryDetail:
    """Read a query of an eval by its position in the spec.

    Raises:
        InputError: the eval has no query there.
    """
    return query_details(store, summary, [position])[position]


def query_details(
    store: Store, summary: EvalSummary, positions: Sequence[int]
) -> dict[int, QueryDetail]:
    """Read several queries of an eval at little more than the cost of one.

    Raises:
        InputError: the eval has no query at one of the positions.
    """
    results = read_results(store, summary.id, positions)
    if len(results) < len(set(positions)):
        raise InputError("the eval has no such query", todo="Choose another eval.")
    found = _found(store, summary, positions)
    ranked = {
        position: _RankedQuery(results[position], found[position], summary.k)
        for position in positions
    }
    documents = _Documents(store, ranked.values())
    return {position: query.detail(documents) for position, query in ranked.items()}


def _found(
    store: Store, summary: EvalSummary, positions: Sequence[int]
) -> dict[int, dict[int, Found]]:
    """Return the results in the top k and the wanted results, by position, then by rank."""
    rows = store.read(
        "SELECT position, rank, path, score, document_id FROM db.eval_results"
        " WHERE eval_id = CAST($1 AS UUID) AND position IN (SELECT unnest(CAST($2 AS INTEGER[])))"
        " AND (rank <= $3 OR (position, rank) IN (SELECT position, rank FROM db.eval_relevant"
        " WHERE eval_id = CAST($1 AS UUID) AND rank IS NOT NULL)) ORDER BY rank",
        [summary.id, list(positions), summary.k],
    )
    found: dict[int, dict[int, Found]] = {position: {} for position in positions}
    for position, rank, *result in rows:
        found[position][rank] = Found(*result)
    return found


@dataclass(frozen=True, slots=True)
class _RankedQuery:
    """A query with its results by rank, before its documents are read."""

    result: QueryResult
    results: Mapping[int, Found]
    k: int

    @property
    def wanted(self) -> list[WantedPath]:
        return sorted(self.result.wanted, key=lambda wanted: wanted.rank or sys.maxsize)

    @property
    def above(self) -> list[tuple[int, Found]]:
        first = self.result.rank or self.k + 1
        return [
            (rank, found) for rank, found in self.results.items() if rank < min(first, self.k + 1)
        ]

    @property
    def shown(self) -> list[Found]:
        """The results above, and the wanted."""
        at_rank = [self.results[wanted.rank] for wanted in self.wanted if wanted.rank]
        return [*(found for _, found in self.above), *at_rank]

    @property
    def undocumented(self) -> list[str]:
        """The paths whose document is unknown."""
        absent = [wanted.path for wanted in self.wanted if not wanted.rank]
        return absent + [found.path for found in self.shown if not found.document_id]

    def detail(self, documents: _Documents) -> QueryDetail:
        query = self.result.query
        wanted = tuple(
            documents.candidate(
                query, path.path, path.rank, path.grade, self.results.get(path.rank or 0)
            )
            for path in self.wanted
            if is_relevant(path.grade)
        )
        above = tuple(
            documents.candidate(query, found.path, rank, self._grade(rank), found)
            for rank, found in self.above
        )
        return QueryDetail(query, self.result.rank, self.k, self.result.problem, wanted, above)

    def _grade(self, rank: int) -> int | None:
        """Return the grade in the spec of a result above the first relevant one."""
        return next((wanted.grade for wanted in self.wanted if wanted.rank == rank), None)


class _Documents:
    """The documents of all paths of some queries, read at once."""

    def __init__(self, store: Store, queries: Iterable[_RankedQuery]) -> None:
        queries = list(queries)
        paths = [
            RelevantPath(query.result.query.id, path)
            for query in queries
            for path in query.undocumented
        ]
        by_query = documents_of_paths(store, paths).by_query
        known = [
            found.document_id for query in queries for found in query.shown if found.document_id
        ]
        known += [
            document for groups in by_query.values() for group in groups for document in group
        ]
        self._known = documents_by_id(store, list(dict.fromkeys(known)))
        self._groups = {
            query: [
                [self._known[document] for document in group if document in self._known]
                for group in groups
            ]
            for query, groups in by_query.items()
        }

    def candidate(
        self, query: Query, path: str, rank: int | None, grade: int | None, found: Found | None
    ) -> Candidate:
        """Return a path with its document; a result's path is complete."""
        path = found.path if found else path
        document = self._known.get(found.document_id) if found and found.document_id else None
        document = document or self._likeliest(query, path)
        return Candidate(document.path if document else path, rank, grade, document, query.text)

    def _likeliest(self, query: Query, path: str) -> Document | None:
        """Return the document of the path with most words of the query."""
        groups = self._groups.get(query.id, ())
        group = next((known for known in groups if known and meets(known[0].path, path)), None)
        if group is None or len(group) == 1:
            return group[0] if group else None
        return max(group, key=lambda known: len(word_overlap(query.text, known.text).shared))


class Shown(StrEnum):
    """Which queries a list shows."""

    MISSES = "misses"
    REGRESSIONS = "regressions"
    FIXED = "fixed"
    ALL = "all"


class QueryRow(NamedTuple):
    """A query in a list; a tuple, because ten thousand are made at once.

    Ranks are those of the first relevant result, None if not found. ``before`` is the rank in the
    compared eval, valid if ``compared``: both evals scored the query. ``k`` is the cut-off of a
    miss; ``problem`` says why the query was not scored.
    """

    position: int
    text: str
    kind: QueryKind | None
    rank: int | None
    problem: str
    before: int | None
    compared: bool
    k: int

    @property
    def missed(self) -> bool:
        """Whether the query was scored and nothing relevant is in the top ``k``."""
        return not self.problem and (self.rank is None or self.rank > self.k)

    @property
    def change(self) -> Change | None:
        """How the query changed since the compared eval; None if unknown."""
        return change_between(self.before, self.rank, self.k) if self.compared else None


@dataclass(frozen=True, slots=True)
class QueryFilter:
    """Which queries to list. ``text`` is searched in the query, ignoring case."""

    shown: Shown = Shown.MISSES
    kind: QueryKind | None = None
    text: str = ""

    def next_shown(self) -> QueryFilter:
        """Return the filter with the next value of ``shown``."""
        choices = list(Shown)
        place = (choices.index(self.shown) + 1) % len(choices)
        return replace(self, shown=choices[place])


def query_rows(
    store: Store,
    identifier: UUID,
    k: int,
    compared: UUID | None = None,
    *,
    before_position: int | None = None,
) -> tuple[QueryRow, ...]:
    """Return the queries of an eval in the order of the spec.

    Args:
        store: holds the evals.
        identifier: the eval.
        k: its cut-off.
        compared: the eval to compare ranks with.
        before_position: read only queries before this position in the spec; None for all.
    """
    rows = store.read(
        "SELECT listed.position, queries.text, listed.kind, listed.rank,"
        " coalesce(listed.problem, ''), earlier.rank,"
        " earlier.eval_id IS NOT NULL AND coalesce(listed.problem, '') = ''"
        " FROM db.eval_queries AS listed JOIN db.queries AS queries ON queries.id = listed.query_id"
        " LEFT JOIN db.eval_queries AS earlier ON earlier.eval_id = CAST($2 AS UUID)"
        " AND earlier.query_id = listed.query_id AND coalesce(earlier.problem, '') = ''"
        " WHERE listed.eval_id = CAST($1 AS UUID) AND listed.position < $3"
        " ORDER BY listed.position",
        [identifier, compared, 2**31 - 1 if before_position is None else before_position],
    )
    kinds = {kind.value: kind for kind in QueryKind}
    return tuple(
        QueryRow(position, text, kinds.get(kind), rank, problem, before, both, k)
        for position, text, kind, rank, problem, before, both in rows
    )


def filtered(rows: Iterable[QueryRow], wanted: QueryFilter) -> tuple[QueryRow, ...]:
    """Return the rows that pass a filter; of regressions, newly broken queries first."""
    text = wanted.text.casefold()
    fits = _SHOWN[wanted.shown]
    found = [
        row
        for row in rows
        if fits(row)
        and (wanted.kind is None or row.kind is wanted.kind)
        and (not text or text in row.text.casefold())
    ]
    if wanted.shown is Shown.REGRESSIONS:
        found.sort(key=lambda row: row.change is not Change.BROKEN)
    return tuple(found)


_SHOWN: Final[dict[Shown, Callable[[QueryRow], bool]]] = {
    Shown.MISSES: lambda row: row.missed,
    Shown.REGRESSIONS: lambda row: row.change in {Change.BROKEN, Change.WORSE},
    Shown.FIXED: lambda row: row.change is Change.FIXED,
    Shown.ALL: lambda row: True,  # noqa: ARG005 - the signature of the others
}


def parse_query_filter(text: str) -> QueryFilter:
    """Parse a filter line: ``is:misses kind:semantic words``.

    Raises:
        InputError: an unknown value of ``is`` or ``kind``.
    """
    found = QueryFilter()
    free: list[str] = []
    for word in text.split():
        name, colon, value = word.partition(":")
        if colon and name == "is" and value in list(Shown):
            found = replace(found, shown=Shown(value))
        elif colon and name == "kind" and value in list(QueryKind):
            found = replace(found, kind=QueryKind(value))
        elif colon and name in {"is", "kind"}:
            raise InputError(
                "unknown filter",
                where=word,
                todo="Known are is:misses is:regressions is:fixed is:all kind:semantic"
                " kind:keyword; other words are searched in the query.",
            )
        else:
            free.append(word)
    return replace(found, text=" ".join(free))


def query_filter_text(wanted: QueryFilter) -> str:
    """Return the line that ``parse_query_filter`` reads as this filter."""
    words = [f"is:{wanted.shown.value}"]
    if wanted.kind is not None:
        words.append(f"kind:{wanted.kind.value}")
    return " ".join([*words, wanted.text]).strip()
