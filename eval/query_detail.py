"""One query of an eval: what should have been found and what stands above it, as documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.documents import documents_by_id
from core.errors import InputError
from core.queries import query_of_row
from eval.evaluating_store import top_results
from eval.metrics import first_rank, is_relevant
from eval.metrics_hits import meets
from labels.relevant_documents import RelevantPath, documents_of_paths
from labels.word_overlap import WordOverlap, word_overlap

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from core.records import Document, Query
    from core.store import Store
    from eval.evaluating_records import EvalSummary
    from eval.retrievers.ranking import Found


@dataclass(frozen=True, slots=True)
class Candidate:
    """A path beside a query.

    ``rank`` is its place in the results, from 1, None when it is not among them; ``grade`` what the
    spec gives it. ``document`` is the one of the path that scored best, or, where nobody said which
    one that was, the one with the most words of the query; None when the corpus has none now.
    """

    path: str
    rank: int | None
    grade: int | None
    document: Document | None
    overlap: WordOverlap


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
    query, problem = _query(store, summary.id, position)
    wanted = store.read(
        "SELECT path, grade, rank FROM db.eval_relevant"
        " WHERE eval_id = CAST($1 AS UUID) AND position = $2 ORDER BY rank NULLS LAST, path",
        [summary.id, position],
    )
    first = first_rank([grade for _, grade, _ in wanted], [rank for _, _, rank in wanted])
    deepest = max((rank for *_, rank in wanted if rank), default=0)
    results = top_results(store, summary.id, [position], max(summary.k, deepest))[position]
    above = results[: min(summary.k, first - 1 if first else summary.k)]
    at_rank = {rank: results[rank - 1] for *_, rank in wanted if rank}
    nameless = [path for path, _, rank in wanted if not rank]
    nameless += [found.path for found in (*above, *at_rank.values()) if not found.document_id]
    documents = _Documents(store, query, (*above, *at_rank.values()), nameless)
    ranks = {found.path: rank for rank, found in at_rank.items()}
    return QueryDetail(
        query,
        first,
        summary.k,
        problem,
        tuple(
            documents.candidate(
                at_rank[rank].path if rank else path, rank, grade, at_rank.get(rank)
            )
            for path, grade, rank in wanted
            if is_relevant(grade)
        ),
        tuple(
            documents.candidate(found.path, rank, _grade(found.path, wanted, ranks), found)
            for rank, found in enumerate(above, start=1)
        ),
    )


def _query(store: Store, identifier: UUID, position: int) -> tuple[Query, str]:
    rows = store.read(
        "SELECT listed.query_id, queries.text, listed.kind, queries.variation_of,"
        " coalesce(listed.problem, '') FROM db.eval_queries AS listed"
        " JOIN db.queries AS queries ON queries.id = listed.query_id"
        " WHERE listed.eval_id = CAST($1 AS UUID) AND listed.position = $2",
        [identifier, position],
    )
    if not rows:
        raise InputError("the eval has no such query", todo="Choose another eval.")
    (row,) = rows
    return query_of_row(row[:4]), row[4]


def _grade(
    path: str, wanted: Sequence[tuple[str, int | None, int | None]], ranks: Mapping[str, int]
) -> int | None:
    """Return the grade that the spec gives to a result above the first relevant one."""
    if path not in ranks:
        return None
    return next((grade for given, grade, _ in wanted if meets(path, given)), None)


class _Documents:
    """The documents of the paths in sight, read at once."""

    def __init__(
        self, store: Store, query: Query, found: Sequence[Found], paths: Sequence[str]
    ) -> None:
        self._text = query.text
        by_path = documents_of_paths(store, [RelevantPath(query.id, path) for path in paths])
        groups = by_path.by_query.get(query.id, ())
        known = [each.document_id for each in found if each.document_id is not None]
        self._known = documents_by_id(
            store, [*known, *(each for group in groups for each in group)]
        )
        self._groups = [
            [self._known[each] for each in group if each in self._known] for group in groups
        ]

    def candidate(
        self, path: str, rank: int | None, grade: int | None, found: Found | None
    ) -> Candidate:
        document = self._known.get(found.document_id) if found and found.document_id else None
        document = document or self._likeliest(path)
        overlap = word_overlap(self._text, document.text) if document else WordOverlap()
        shown = document.path if document else path
        return Candidate(shown, rank, grade, document, overlap)

    def _likeliest(self, path: str) -> Document | None:
        """Return the document of the path with the most words of the query."""
        group = next((each for each in self._groups if each and meets(each[0].path, path)), None)
        if group is None:
            return None
        return max(group, key=lambda each: len(word_overlap(self._text, each.text).shared))
