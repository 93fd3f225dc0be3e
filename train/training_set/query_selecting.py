"""Which queries are taken, for which split, and which are not."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.records import QueryKind
from train.training_set.records import Split, TrainingQuery
from train.training_set.splitting import AskedQuery, held_out
from train.training_set.summary import Dropped, LeftOutReason

if TYPE_CHECKING:
    from uuid import UUID

    from duckdb import DuckDBPyConnection

    from train.training_set.plan import TrainingSetPlan
    from train.training_set.spec_queries import Leak, LeakRule, SpecGuard
    from train.training_set.watching import Watch

_EXAMPLES: Final = 5
_PAGE: Final = 1_000


@dataclass(frozen=True, slots=True)
class GradedQuery:
    """A query that has graded pairs. ``grades`` counts different ones, each to the nearest."""

    id: UUID
    text: str
    kind: QueryKind | None
    variation_of: str | None
    pairs: int
    grades: int


@dataclass(frozen=True, slots=True)
class SelectedQueries:
    """What came of it: the queries taken, pairs left out by reason, queries that specs took.

    ``held_out`` are the texts of all that are held out, measurable or not.
    """

    taken: tuple[TrainingQuery, ...]
    held_out: tuple[str, ...]
    left_out: dict[LeftOutReason, int]
    dropped: tuple[Dropped, ...]


def graded_queries(cursor: DuckDBPyConnection) -> list[GradedQuery]:
    """Return the queries of the pairs in ``graded`` that are not left out, by id."""
    rows = cursor.execute(
        """
        SELECT query.id, query.text, query.kind, query.variation_of, asked.pairs, asked.grades
        FROM (SELECT query_id, count(*) AS pairs, count(DISTINCT round(grade)) AS grades
            FROM graded WHERE left_out IS NULL GROUP BY query_id) AS asked
        JOIN db.queries AS query ON query.id = asked.query_id
        ORDER BY query.id
        """
    ).fetchall()
    return [
        GradedQuery(identifier, text, QueryKind(kind) if kind else None, *rest)
        for identifier, text, kind, *rest in rows
    ]


def select_queries(
    queries: list[GradedQuery], plan: TrainingSetPlan, guard: SpecGuard, watch: Watch
) -> SelectedQueries:
    """Drop what specs ask, split the rest, and leave out what cannot be measured on.

    A query that is held out but whose grades are all alike has no ranking to measure: it is in
    neither split, so that it never was trained on when it gets another grade later.
    """
    leaks: dict[LeakRule, list[tuple[GradedQuery, Leak]]] = defaultdict(list)
    kept = []
    for place, query in enumerate(queries):
        if place % _PAGE == 0:
            watch.step(place, len(queries), "queries")
        leak = guard.leak(query.text, query.variation_of)
        if leak is None:
            kept.append(query)
        else:
            leaks[leak.rule].append((query, leak))
    asked = [AskedQuery(query.text, query.variation_of) for query in kept]
    sides = held_out(asked, plan.held_out_share, plan.seed)
    taken = []
    left_out = Counter({LeftOutReason.SPEC: 0, LeftOutReason.UNMEASURABLE: 0})
    for query, is_held_out in zip(kept, sides, strict=True):
        if is_held_out and query.grades < 2:  # noqa: PLR2004 - one grade is no order
            left_out[LeftOutReason.UNMEASURABLE] += query.pairs
        else:
            split = Split.HELD_OUT if is_held_out else Split.TRAIN
            taken.append(TrainingQuery(query.id, query.text, query.kind, split))
    dropped = tuple(
        Dropped(
            rule,
            len(found),
            sum(query.pairs for query, _ in found),
            tuple(leak for _, leak in found[:_EXAMPLES]),
        )
        for rule, found in sorted(leaks.items())
    )
    left_out[LeftOutReason.SPEC] = sum(each.pairs for each in dropped)
    apart = (query.text for query, is_held_out in zip(kept, sides, strict=True) if is_held_out)
    return SelectedQueries(tuple(taken), tuple(apart), dict(left_out), dropped)
