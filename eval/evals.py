"""Evals: records, display names, goals, and their place in the store."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from core.records import Estimate, QueryKind
from core.store.tables import query_of_row
from eval.metrics import query_metrics
from eval.retrievers.base import Found

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from duckdb import DuckDBPyConnection

    from core.records import Query
    from core.store.database import Store
    from core.store.sql import Row
    from eval.retrievers.base import Ranking


GOAL_METRIC: Final = "R@10"
GOALS: Final = {QueryKind.SEMANTIC.value: 0.90, QueryKind.KEYWORD.value: 0.95}
LATEST: Final = "latest"
PREVIOUS: Final = "previous"
#: A training run leaves its encoder in ``runs/NAME/model``.
_RUNS: Final = "runs"
_MODEL: Final = "model"
#: Columns of ``evals`` and fields of ``EvalSummary``.
_SUMMARY_COLUMNS: Final = (
    "id",
    "spec_id",
    "spec_name",
    "retriever",
    "parameters",
    "checkpoint",
    "corpus_hash",
    "documents",
    "k",
    "started",
    "finished",
)
_TABLES: Final = {
    "evals": (
        "UUID UUID VARCHAR VARCHAR VARCHAR VARCHAR VARCHAR INTEGER INTEGER TIMESTAMP TIMESTAMP"
    ),
    "eval_queries": "UUID INTEGER UUID VARCHAR INTEGER VARCHAR",
    "eval_relevant": "UUID INTEGER VARCHAR SMALLINT INTEGER",
    "eval_results": "UUID INTEGER INTEGER VARCHAR UUID DOUBLE",
    "eval_figures": "UUID VARCHAR INTEGER VARCHAR INTEGER DOUBLE DOUBLE DOUBLE",
    "eval_notices": "UUID INTEGER VARCHAR",
}
#: Rows inserted by one statement.
_BATCH: Final = 50_000


@dataclass(frozen=True, slots=True)
class WantedPath:
    """A path that should be found, with its grade in the spec and its rank in the results."""

    path: str
    grade: int | None
    rank: int | None


@dataclass(frozen=True, slots=True)
class QueryResult:
    """What an eval found for a query.

    ``rank`` is that of the first relevant result, from 1; None if none was among the results kept.
    ``problem`` says why the query could not be scored; empty if it was.
    """

    position: int
    query: Query
    wanted: tuple[WantedPath, ...]
    rank: int | None
    problem: str = ""

    @property
    def scored(self) -> bool:
        """Whether the query counts in the metrics."""
        return not self.problem

    def missed(self, k: int) -> bool:
        """Tell whether the query was scored and has no relevant path in the top ``k``."""
        return self.scored and (self.rank is None or self.rank > k)

    def metrics(self, k: int) -> dict[str, float]:
        """Return every metric of the query, which was scored."""
        grades = [wanted.grade for wanted in self.wanted]
        return query_metrics(grades, [wanted.rank for wanted in self.wanted], k)


@dataclass(frozen=True, slots=True)
class KindFigures:
    """The metrics of the queries of a kind; ``kind`` is empty for all queries together."""

    kind: str
    queries: int
    figures: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class EvalSummary:
    """An eval without its queries.

    ``parameters`` is a JSON object as text, keys sorted. ``by_kind`` begins with all queries
    together. ``k`` is the cut-off of metrics and misses.
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
    def figures(self) -> Mapping[str, Estimate]:
        """The metrics over all scored queries; empty if none was scored."""
        return self.by_kind[0].figures if self.by_kind else {}


@dataclass(frozen=True, slots=True)
class Eval:
    """An eval with its queries, in the order of the spec."""

    summary: EvalSummary
    queries: tuple[QueryResult, ...]


@dataclass(frozen=True, slots=True)
class GoalFigure:
    """A metric of a kind of query with its goal, both in [0, 1].

    ``kind`` is empty for all queries together; ``goal`` is None if there is none.
    """

    kind: str
    metric: str
    queries: int
    value: float
    goal: float | None

    @property
    def met(self) -> bool:
        """Whether the metric reaches its goal; True without a goal."""
        return self.goal is None or self.value >= self.goal


def goal_figures(summary: EvalSummary) -> tuple[GoalFigure, ...]:
    """Return the recall at the eval's cut-off by kind of query, semantic first.

    Without kinds it is that of all queries together. There are goals at 10 results only.
    """
    metric = f"R@{summary.k}"
    kinds = [group for group in summary.by_kind if group.kind]
    return tuple(
        GoalFigure(
            group.kind,
            metric,
            group.queries,
            figure.value,
            GOALS.get(group.kind) if metric == GOAL_METRIC else None,
        )
        for group in sorted(
            kinds or summary.by_kind[:1], key=lambda group: group.kind, reverse=True
        )
        if (figure := group.figures.get(metric)) and figure.value is not None
    )


def retriever_name(summary: EvalSummary) -> str:
    """Return the retriever with its encoder, if any, so that two can be told apart.

    A run's encoder has the last part of the run's name (``encoder run c961``), another folder its
    own name; a hub id stays as it is.
    """
    named = encoder_of(summary)
    return f"{summary.retriever} {_encoder_name(named)}" if named else summary.retriever


def encoder_of(summary: EvalSummary) -> str | None:
    """Return the model of the encoder that an eval used, alone or fused; None without one."""
    parameters = json.loads(summary.parameters)
    named = parameters.get("model", parameters.get("encoder.model"))
    return named if isinstance(named, str) and named else None


def _encoder_name(named: str) -> str:
    path = PurePath(named)
    if path.name == _MODEL and path.parent.parent.name == _RUNS:
        return f"run {path.parent.name.rsplit('-', 1)[-1]}"
    return path.name if path.is_absolute() else named


def save_eval(store: Store, done: Eval, rankings: Mapping[int, Ranking]) -> None:
    """Store an eval with the results of its queries, in one transaction.

    Args:
        store: gets the eval; it has the queries already.
        done: the eval.
        rankings: the results kept, by the position of the query.
    """
    summary = done.summary
    with store.transaction() as cursor:
        _insert(cursor, "evals", [_summary_row(summary)])
        _insert(cursor, "eval_queries", (_query_row(summary.id, result) for result in done.queries))
        _insert(
            cursor,
            "eval_relevant",
            (
                (summary.id, result.position, wanted.path, wanted.grade, wanted.rank)
                for result in done.queries
                for wanted in result.wanted
            ),
        )
        _insert(
            cursor,
            "eval_results",
            (
                (summary.id, position, rank, found.path, found.document_id, found.score)
                for position, ranking in sorted(rankings.items())
                for rank, found in enumerate(ranking, start=1)
            ),
        )
        _insert(cursor, "eval_figures", _figure_rows(summary))
        notices = enumerate(summary.notices)
        _insert(cursor, "eval_notices", ((summary.id, place, text) for place, text in notices))


def list_evals(store: Store) -> list[EvalSummary]:
    """Return every eval with its metrics and notices, newest first."""
    return _summaries(store, "", [])


def count_evals(store: Store) -> int:
    """Return the number of evals."""
    return int(store.read("SELECT count(*) FROM db.evals")[0][0])


def find_eval(store: Store, named: str) -> EvalSummary:
    """Return an eval by the name that a person gave.

    Args:
        store: an open store.
        named: its id, its first or last digits, ``latest`` or ``previous``.

    Raises:
        InputError: there is none, or several.
    """
    identifiers = [
        row[0] for row in store.read("SELECT id FROM db.evals ORDER BY started DESC, id DESC")
    ]
    wanted = named.strip().lower()
    recent = {LATEST: 0, PREVIOUS: 1}
    if wanted in recent:
        fitting = identifiers[recent[wanted] :][:1]
    else:
        digits = wanted.replace("-", "")
        fitting = [found for found in identifiers if digits and found.hex.startswith(digits)]
        fitting = fitting or [found for found in identifiers if found.hex.endswith(digits)]
        fitting = fitting if digits else []
    if len(fitting) != 1:
        raise InputError(
            f"{'several evals have' if fitting else 'there is no eval with'} the id {named}",
            where=str(store.folder.parent),
            todo="See them all with: rejudge eval   (without a spec)",
        )
    return _summaries(store, "WHERE id = CAST($1 AS UUID)", [fitting[0]])[0]


def find_like(
    store: Store, *, spec_id: UUID, retriever: str, checkpoint: str, corpus_hash: str, k: int
) -> EvalSummary | None:
    """Return the newest eval with equal inputs, which would come out the same; None without one.

    Args:
        store: an open store.
        spec_id: of the version of the spec.
        retriever: its name.
        checkpoint: the hash of everything that decides its vectors.
        corpus_hash: of the corpus.
        k: the cut-off.
    """
    found = _summaries(
        store,
        "WHERE spec_id = $1 AND retriever = $2 AND checkpoint = $3 AND corpus_hash = $4 AND k = $5",
        [spec_id, retriever, checkpoint, corpus_hash, k],
    )
    return found[0] if found else None


def load_eval(store: Store, identifier: UUID) -> Eval:
    """Return an eval with its queries.

    Raises:
        InputError: no eval has this id.
    """
    summary = find_eval(store, str(identifier))
    return Eval(summary, tuple(read_results(store, identifier).values()))


def read_results(
    store: Store, identifier: UUID, positions: Sequence[int] | None = None
) -> dict[int, QueryResult]:
    """Return an eval's queries by position, all or some, in the order of the spec."""
    of_eval = "eval_id = CAST($1 AS UUID)"
    if positions is not None:
        of_eval += " AND position IN (SELECT unnest(CAST($2 AS INTEGER[])))"
    parameters = [identifier] if positions is None else [identifier, list(positions)]
    wanted: dict[int, list[WantedPath]] = defaultdict(list)
    for position, *path in store.read(
        f"SELECT position, path, grade, rank FROM db.eval_relevant WHERE {of_eval} ORDER BY path",
        parameters,
    ):
        wanted[position].append(WantedPath(*path))
    rows = store.read(
        "SELECT position, rank, coalesce(problem, ''), query_id, queries.text, listed.kind,"
        " variation_of FROM db.eval_queries AS listed"
        " LEFT JOIN db.queries AS queries ON queries.id = query_id"
        f" WHERE {of_eval} ORDER BY position",
        parameters,
    )
    return {
        position: QueryResult(
            position, query_of_row(tuple(query)), tuple(wanted[position]), rank, problem
        )
        for position, rank, problem, *query in rows
    }


def top_results(
    store: Store, identifier: UUID, positions: Sequence[int], depth: int
) -> dict[int, Ranking]:
    """Return the best ``depth`` results of some of an eval's queries, by position."""
    rows = store.read(
        "SELECT position, path, score, document_id FROM db.eval_results"
        " WHERE eval_id = CAST($1 AS UUID) AND rank <= $2"
        " AND position IN (SELECT unnest(CAST($3 AS INTEGER[]))) ORDER BY position, rank",
        [identifier, depth, list(positions)],
    )
    found: dict[int, list[Found]] = defaultdict(list)
    for position, *result in rows:
        found[position].append(Found(*result))
    return {position: tuple(found[position]) for position in positions}


def _summaries(store: Store, condition: str, parameters: Sequence[object]) -> list[EvalSummary]:
    columns = ", ".join(_SUMMARY_COLUMNS)
    rows = store.read(
        f"SELECT {columns} FROM db.evals {condition} ORDER BY started DESC, id DESC", parameters
    )
    identifiers = [row[0] for row in rows]
    figures = _figures(store, identifiers)
    notices: dict[UUID, list[str]] = defaultdict(list)
    for identifier, notice in store.read(
        "SELECT eval_id, notice FROM db.eval_notices"
        " WHERE eval_id IN (SELECT unnest(CAST($1 AS UUID[]))) ORDER BY eval_id, position",
        [identifiers],
    ):
        notices[identifier].append(notice)
    return [
        replace(EvalSummary(*row), by_kind=figures.get(row[0], ()), notices=tuple(notices[row[0]]))
        for row in rows
    ]


def _figures(store: Store, identifiers: Sequence[UUID]) -> dict[UUID, tuple[KindFigures, ...]]:
    rows = store.read(
        "SELECT eval_id, kind, queries, metric, mean, low, high FROM db.eval_figures"
        " WHERE eval_id IN (SELECT unnest(CAST($1 AS UUID[])))"
        " ORDER BY eval_id, kind, position",
        [list(identifiers)],
    )
    groups: dict[UUID, dict[tuple[str, int], dict[str, Estimate]]] = defaultdict(dict)
    for identifier, kind, queries, metric, *figure in rows:
        groups[identifier].setdefault((kind, queries), {})[metric] = Estimate(*figure)
    return {
        identifier: tuple(
            KindFigures(kind, queries, figures) for (kind, queries), figures in kinds.items()
        )
        for identifier, kinds in groups.items()
    }


def _summary_row(summary: EvalSummary) -> Row:
    return tuple(getattr(summary, column) for column in _SUMMARY_COLUMNS)


def _query_row(identifier: UUID, result: QueryResult) -> Row:
    kind = result.query.kind
    return (
        identifier,
        result.position,
        result.query.id,
        kind.value if kind else None,
        result.rank,
        result.problem or None,
    )


def _figure_rows(summary: EvalSummary) -> Iterable[Row]:
    for group in summary.by_kind:
        for position, (metric, figure) in enumerate(group.figures.items()):
            yield (
                summary.id,
                group.kind,
                position,
                metric,
                group.queries,
                figure.value,
                figure.low,
                figure.high,
            )


def _insert(cursor: DuckDBPyConnection, table: str, rows: Iterable[Row]) -> None:
    """Insert rows of one eval. Its id comes first; the other columns are passed as arrays."""
    kinds = _TABLES[table].split()
    values = ", ".join(
        f"unnest(CAST(${number} AS {kind}[]))" for number, kind in enumerate(kinds[1:], start=2)
    )
    waiting = iter(rows)
    while batch := list(islice(waiting, _BATCH)):
        columns = [list(column) for column in zip(*batch, strict=True)]
        cursor.execute(
            f"INSERT INTO db.{table} SELECT CAST($1 AS UUID), {values}",
            [columns[0][0], *columns[1:]],
        )
