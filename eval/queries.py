"""The queries of an eval as a light list: ranks now and in another eval, filtered.

One query of an eval: what should have been found and what stands above it, as documents.
"""

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
    """A path beside a query.

    ``rank`` is its place in the results, from 1, None when it is not among them; ``grade`` what the
    spec gives it. ``document`` is the one of the path that scored best, or, where nobody said which
    one that was, the one with the most words of the query; None when the corpus has none now.
    ``query`` is the query's text.
    """

    path: str
    rank: int | None
    grade: int | None
    document: Document | None
    query: str

    @property
    def overlap(self) -> WordOverlap:
        """Which words of the query the document has; reckoned anew each time."""
        return word_overlap(self.query, self.document.text) if self.document else WordOverlap()


@dataclass(frozen=True, slots=True)
class QueryDetail:
    """A query with its wanted paths, the best placed first, and what stands above the first.

    ``above`` has no more than the top ``k``; it is empty when the first result is a wanted one. A
    query that was not scored says why in ``problem``.
    """

    query: Query
    rank: int | None
    k: int
    problem: str
    wanted: tuple[Candidate, ...]
    above: tuple[Candidate, ...]

    @property
    def documents(self) -> tuple[UUID, ...]:
        """The documents to look at: the wanted ones, then those above."""
        return tuple(
            each.document.id for each in (*self.wanted, *self.above) if each.document is not None
        )


def query_detail(store: Store, summary: EvalSummary, position: int) -> QueryDetail:
    """Read one query of an eval, by its place in the spec.

    Raises:
        InputError: the eval has no query there.
    """
    return query_details(store, summary, [position])[position]


def query_details(
    store: Store, summary: EvalSummary, positions: Sequence[int]
) -> dict[int, QueryDetail]:
    """Read some queries of an eval in one go, for little more than the price of one.

    Raises:
        InputError: the eval has no query at one of these places.
    """
    asked = _queries(store, summary.id, positions)
    wanted = _wanted(store, summary.id, positions)
    results = _results(store, summary, positions)
    read = [_Read(*asked[each], wanted[each], results[each], summary.k) for each in positions]
    documents = _Documents(store, read)
    return {position: one.detail(documents) for position, one in zip(positions, read, strict=True)}


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
    """Return by its rank each result in the top k, and each that was wanted."""
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
    """A path that should be found, the grade that the spec gives it, and its place."""

    path: str
    grade: int | None
    rank: int | None


@dataclass(frozen=True, slots=True)
class _Read:
    """What the tables of evals say of one query; ``results`` are by their ranks."""

    query: Query
    problem: str
    wanted: Sequence[Wanted]
    results: Mapping[int, Found]
    k: int

    @property
    def rank(self) -> int | None:
        return first_rank([one.grade for one in self.wanted], [one.rank for one in self.wanted])

    @property
    def above(self) -> list[tuple[int, Found]]:
        last = min(self.k, self.rank - 1 if self.rank else self.k)
        return [(rank, found) for rank, found in self.results.items() if rank <= last]

    @property
    def seen(self) -> list[Found]:
        """The results that are looked at: those above, and those that were wanted."""
        at_rank = [self.results[one.rank] for one in self.wanted if one.rank]
        return [*(found for _, found in self.above), *at_rank]

    @property
    def nameless(self) -> list[str]:
        """The paths for which nobody said which of their documents it was."""
        absent = [one.path for one in self.wanted if not one.rank]
        return absent + [found.path for found in self.seen if not found.document_id]

    def detail(self, documents: _Documents) -> QueryDetail:
        make = documents.candidate
        paths = {self.results[one.rank].path: one.rank for one in self.wanted if one.rank}
        return QueryDetail(
            self.query,
            self.rank,
            self.k,
            self.problem,
            tuple(
                make(self.query, one.path, one.rank, one.grade, self.results.get(one.rank or 0))
                for one in self.wanted
                if is_relevant(one.grade)
            ),
            tuple(
                make(self.query, found.path, rank, _grade(found.path, self.wanted, paths), found)
                for rank, found in self.above
            ),
        )


def _grade(path: str, wanted: Sequence[Wanted], ranks: Mapping[str, int]) -> int | None:
    """Return the grade that the spec gives to a result above the first relevant one."""
    if path not in ranks:
        return None
    return next((one.grade for one in wanted if meets(path, one.path)), None)


class _Documents:
    """The documents of the paths in sight of some queries, read at once."""

    def __init__(self, store: Store, read: Sequence[_Read]) -> None:
        paths = [RelevantPath(one.query.id, path) for one in read for path in one.nameless]
        by_query = documents_of_paths(store, paths).by_query
        known = [found.document_id for one in read for found in one.seen if found.document_id]
        known += [each for groups in by_query.values() for group in groups for each in group]
        self._known = documents_by_id(store, list(dict.fromkeys(known)))
        self._groups = {
            query: [
                [self._known[each] for each in group if each in self._known] for group in groups
            ]
            for query, groups in by_query.items()
        }

    def candidate(
        self, query: Query, path: str, rank: int | None, grade: int | None, found: Found | None
    ) -> Candidate:
        """Return the path beside the query; the path of a result is the whole one."""
        path = found.path if found else path
        document = self._known.get(found.document_id) if found and found.document_id else None
        document = document or self._likeliest(query, path)
        return Candidate(document.path if document else path, rank, grade, document, query.text)

    def _likeliest(self, query: Query, path: str) -> Document | None:
        """Return the document of the path with the most words of the query."""
        groups = self._groups.get(query.id, ())
        group = next((each for each in groups if each and meets(each[0].path, path)), None)
        if group is None:
            return None
        if len(group) == 1:
            return group[0]
        return max(group, key=lambda each: len(word_overlap(query.text, each.text).shared))


class Shown(StrEnum):
    """Which queries a list holds."""

    MISSES = "misses"
    REGRESSIONS = "regressions"
    FIXED = "fixed"
    ALL = "all"


class QueryRow(NamedTuple):
    """One query in a list; a tuple, because ten thousand of them are made at once.

    Ranks are those of the first relevant result, None when it was not found. ``before`` is that in
    the compared eval and counts only where ``compared`` says that both evals scored the query.
    ``k`` is the cut-off of a miss; ``problem`` says why the query was not scored.
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
        """What became of the query since the compared eval; None where there is no telling."""
        return change_between(self.before, self.rank, self.k) if self.compared else None


@dataclass(frozen=True, slots=True)
class QueryFilter:
    """Which queries to list. ``text`` is looked for in the query, without regard to case."""

    shown: Shown = Shown.MISSES
    kind: QueryKind | None = None
    text: str = ""

    def next_shown(self) -> QueryFilter:
        """Return the same filter with the next choice of what is shown."""
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
        compared: the eval whose ranks stand beside.
        before_position: read only the queries before this place in the spec; None: all.
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
    """Return the rows that a filter asks for; regressions with the newly broken ones first."""
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
    Shown.ALL: lambda row: True,  # noqa: ARG005 - each takes a row
}


def parse_query_filter(text: str) -> QueryFilter:
    """Return the filter that a line asks for: ``is:misses kind:semantic words``.

    Raises:
        InputError: a value that ``is`` or ``kind`` does not take.
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
                "the filter does not know this",
                where=word,
                todo="Known are is:misses is:regressions is:fixed is:all kind:semantic"
                " kind:keyword; other words are looked for in the query.",
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
