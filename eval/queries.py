"""The queries of an eval: as a list with filters, and in detail with their documents."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from core.errors import InputError
from core.records import QueryKind
from core.search import WordOverlap, word_overlap
from core.store.tables import documents_by_id, query_of_row
from eval.comparing import Change, change_between
from eval.metrics import first_rank, is_relevant, meets
from eval.retrievers.base import Found
from labels.pairs.mining import RelevantPath, documents_of_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from uuid import UUID

    from core.records import Document, Query
    from core.store.database import Store
    from eval.evals import EvalSummary


_THESE: Final = "position IN (SELECT unnest(CAST($2 AS INTEGER[])))"


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
        return tuple(
            candidate.document.id
            for candidate in (*self.wanted, *self.above)
            if candidate.document is not None
        )


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
    asked = _queries(store, summary.id, positions)
    wanted = _wanted(store, summary.id, positions)
    results = _results(store, summary, positions)
    read = [
        _Read(*asked[position], wanted[position], results[position], summary.k)
        for position in positions
    ]
    documents = _Documents(store, read)
    return {
        position: query.detail(documents) for position, query in zip(positions, read, strict=True)
    }


def _queries(
    store: Store, identifier: UUID, positions: Sequence[int]
) -> dict[int, tuple[Query, str]]:
    rows = store.read(
        "SELECT listed.position, coalesce(listed.problem, ''), listed.query_id, queries.text,"
        " listed.kind, queries.variation_of FROM db.eval_queries AS listed"
        " JOIN db.queries AS queries ON queries.id = listed.query_id"
        f" WHERE listed.eval_id = CAST($1 AS UUID) AND {_THESE}",
        [identifier, list(positions)],
    )
    found = {position: (query_of_row(tuple(row)), problem) for position, problem, *row in rows}
    if len(found) < len(set(positions)):
        raise InputError("the eval has no such query", todo="Choose another eval.")
    return found


def _wanted(store: Store, identifier: UUID, positions: Sequence[int]) -> dict[int, list[Wanted]]:
    rows = store.read(
        "SELECT position, path, grade, rank FROM db.eval_relevant"
        f" WHERE eval_id = CAST($1 AS UUID) AND {_THESE} ORDER BY rank NULLS LAST, path",
        [identifier, list(positions)],
    )
    found: dict[int, list[Wanted]] = {position: [] for position in positions}
    for position, *row in rows:
        found[position].append(Wanted(*row))
    return found


def _results(
    store: Store, summary: EvalSummary, positions: Sequence[int]
) -> dict[int, dict[int, Found]]:
    """Return the results in the top k and the wanted results, by rank."""
    rows = store.read(
        "SELECT position, rank, path, score, document_id FROM db.eval_results"
        f" WHERE eval_id = CAST($1 AS UUID) AND {_THESE}"
        " AND (rank <= $3 OR (position, rank) IN (SELECT position, rank FROM db.eval_relevant"
        " WHERE eval_id = CAST($1 AS UUID) AND rank IS NOT NULL)) ORDER BY rank",
        [summary.id, list(positions), summary.k],
    )
    found: dict[int, dict[int, Found]] = {position: {} for position in positions}
    for position, rank, *row in rows:
        found[position][rank] = Found(*row)
    return found


class Wanted(NamedTuple):
    """A path that should be found, with its grade in the spec and its rank."""

    path: str
    grade: int | None
    rank: int | None


@dataclass(frozen=True, slots=True)
class _Read:
    """A query as the tables of evals have it; ``results`` by rank."""

    query: Query
    problem: str
    wanted: Sequence[Wanted]
    results: Mapping[int, Found]
    k: int

    @property
    def rank(self) -> int | None:
        return first_rank(
            [wanted.grade for wanted in self.wanted], [wanted.rank for wanted in self.wanted]
        )

    @property
    def above(self) -> list[tuple[int, Found]]:
        last = min(self.k, self.rank - 1 if self.rank else self.k)
        return [(rank, found) for rank, found in self.results.items() if rank <= last]

    @property
    def shown(self) -> list[Found]:
        """The results shown: those above, and the wanted."""
        at_rank = [self.results[wanted.rank] for wanted in self.wanted if wanted.rank]
        return [*(found for _, found in self.above), *at_rank]

    @property
    def undocumented(self) -> list[str]:
        """The paths whose document is unknown."""
        absent = [wanted.path for wanted in self.wanted if not wanted.rank]
        return absent + [found.path for found in self.shown if not found.document_id]

    def detail(self, documents: _Documents) -> QueryDetail:
        make = documents.candidate
        ranks = {
            self.results[wanted.rank].path: wanted.rank for wanted in self.wanted if wanted.rank
        }
        return QueryDetail(
            self.query,
            self.rank,
            self.k,
            self.problem,
            tuple(
                make(
                    self.query,
                    wanted.path,
                    wanted.rank,
                    wanted.grade,
                    self.results.get(wanted.rank or 0),
                )
                for wanted in self.wanted
                if is_relevant(wanted.grade)
            ),
            tuple(
                make(self.query, found.path, rank, _grade(found.path, self.wanted, ranks), found)
                for rank, found in self.above
            ),
        )


def _grade(path: str, wanted: Sequence[Wanted], ranks: Mapping[str, int]) -> int | None:
    """Return the grade in the spec of a result above the first relevant one."""
    if path not in ranks:
        return None
    return next((known.grade for known in wanted if meets(path, known.path)), None)


class _Documents:
    """The documents of all paths of some queries, read at once."""

    def __init__(self, store: Store, read: Sequence[_Read]) -> None:
        paths = [
            RelevantPath(query.query.id, path) for query in read for path in query.undocumented
        ]
        by_query = documents_of_paths(store, paths).by_query
        known = [found.document_id for query in read for found in query.shown if found.document_id]
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
        if group is None:
            return None
        if len(group) == 1:
            return group[0]
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
