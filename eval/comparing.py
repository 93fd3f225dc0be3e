"""Compare two evals query by query."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from core.stats import bootstrap_means, paired_randomisation
from eval.metrics import metric_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.records import Estimate, Query
    from eval.evals import Eval, QueryResult

#: Differences below this are rounding.
_ROUNDING: Final = 1e-12


class Change(StrEnum):
    """How a query's result changed, worst first."""

    BROKEN = "broken"
    WORSE = "worse"
    SAME = "same"
    BETTER = "better"
    FIXED = "fixed"


_ORDER: Final = {change: place for place, change in enumerate(Change)}


@dataclass(frozen=True, slots=True)
class QueryDelta:
    """A query before and after.

    Ranks are those of the first relevant result; None if none was among the results kept.
    ``difference`` is that of the reciprocal ranks, in [-1, 1]; above 0 the later eval is better.
    """

    query: Query
    before: int | None
    after: int | None
    difference: float
    change: Change


@dataclass(frozen=True, slots=True)
class MetricDelta:
    """A metric before and after, over the queries that both evals scored.

    ``difference`` is the mean difference with its 95% bootstrap interval over queries; ``p_value``
    is of the paired randomisation test. Wins are queries on which the later eval is better.
    """

    metric: str
    before: float
    after: float
    difference: Estimate
    p_value: float
    wins: int
    losses: int
    ties: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed from one eval to another.

    ``queries`` has newly broken queries first, then the others from most worsened to most
    improved. ``k`` is the cut-off of a miss. ``notices`` says what could not be compared.
    """

    k: int
    metrics: tuple[MetricDelta, ...]
    queries: tuple[QueryDelta, ...]
    notices: tuple[str, ...]

    def changed(self, change: Change) -> tuple[QueryDelta, ...]:
        """Return the queries with this change."""
        return tuple(delta for delta in self.queries if delta.change is change)


def compare(before: Eval, after: Eval) -> Comparison:
    """Compare two evals on the queries that both scored, at the later eval's cut-off.

    Raises:
        InputError: there is no such query.
    """
    k = after.summary.k
    earlier = {result.query.id: result for result in before.queries if result.scored}
    pairs = [
        (earlier[result.query.id], result)
        for result in after.queries
        if result.scored and result.query.id in earlier
    ]
    if not pairs:
        raise InputError(
            "the two evals have no scored query in common",
            where=f"{before.summary.spec_name}, {after.summary.spec_name}",
            todo="Compare evals of the same spec.",
        )
    deltas = [_query_delta(first, second, k) for first, second in pairs]
    deltas.sort(key=lambda delta: (_ORDER[delta.change], delta.difference, delta.query.text))
    return Comparison(k, _metric_deltas(pairs, k), tuple(deltas), _notices(before, after, pairs))


def change_between(before: int | None, after: int | None, k: int) -> Change:
    """Return how a query changed, by the ranks of its first relevant result.

    None: not found. A rank beyond ``k`` is a miss.
    """
    was_missed, is_missed = (rank is None or rank > k for rank in (before, after))
    if was_missed != is_missed:
        return Change.BROKEN if is_missed else Change.FIXED
    difference = _reciprocal(after) - _reciprocal(before)
    if not difference:
        return Change.SAME
    return Change.BETTER if difference > 0 else Change.WORSE


def _query_delta(before: QueryResult, after: QueryResult, k: int) -> QueryDelta:
    difference = _reciprocal(after.rank) - _reciprocal(before.rank)
    change = change_between(before.rank, after.rank, k)
    return QueryDelta(after.query, before.rank, after.rank, difference, change)


def _reciprocal(rank: int | None) -> float:
    return 1 / rank if rank else 0.0


def _metric_deltas(
    pairs: Sequence[tuple[QueryResult, QueryResult]], k: int
) -> tuple[MetricDelta, ...]:
    import numpy as np

    before, after = (
        np.asarray([list(pair[side].metrics(k).values()) for pair in pairs]) for side in (0, 1)
    )
    differences = after - before
    differences[np.abs(differences) < _ROUNDING] = 0
    means = bootstrap_means(differences, (-1.0, 1.0))
    return tuple(
        MetricDelta(
            metric,
            float(before[:, column].mean()),
            float(after[:, column].mean()),
            means[column],
            paired_randomisation(differences[:, column].tolist()),
            int((differences[:, column] > 0).sum()),
            int((differences[:, column] < 0).sum()),
            int((differences[:, column] == 0).sum()),
        )
        for column, metric in enumerate(metric_names(k))
    )


def _notices(
    before: Eval, after: Eval, pairs: Sequence[tuple[QueryResult, QueryResult]]
) -> tuple[str, ...]:
    notices = []
    for name, side in (("first", before), ("second", after)):
        only = sum(result.scored for result in side.queries) - len(pairs)
        if only:
            notices.append(f"{only} queries were scored in the {name} eval only and are left out")
    if before.summary.corpus_hash != after.summary.corpus_hash:
        notices.append("the corpus changed between the two evals")
    wanted = [_wanted(first) != _wanted(second) for first, second in pairs]
    if any(wanted):
        notices.append(f"the wanted paths of {sum(wanted)} queries differ between the two evals")
    if before.summary.k != after.summary.k:
        notices.append(f"the cut-off of both is taken as {after.summary.k}")
    return tuple(notices)


def _wanted(result: QueryResult) -> set[tuple[str, int | None]]:
    return {(wanted.path, wanted.grade) for wanted in result.wanted}
