"""The queries that an eval missed, with what stands above what was wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eval.evaluating_store import top_results

if TYPE_CHECKING:
    from core.store import Store
    from eval.evaluating_records import Eval, QueryResult
    from eval.retrievers.ranking import Found


@dataclass(frozen=True, slots=True)
class Miss:
    """A query without a relevant path in the top k.

    ``above`` holds the results that stand before the first relevant one, the best first, no more
    than were asked for.
    """

    result: QueryResult
    above: tuple[Found, ...]


def misses(store: Store, done: Eval, *, shown: int | None = None) -> tuple[Miss, ...]:
    """Return the missed queries in the order of the spec.

    Args:
        store: holds the results.
        done: the eval.
        shown: how many of the results above are wanted; the eval's cut-off when None.
    """
    k = done.summary.k
    missed = [result for result in done.queries if result.missed(k)]
    positions = [result.position for result in missed]
    tops = top_results(store, done.summary.id, positions, shown or k)
    return tuple(
        Miss(result, tops[result.position][: result.rank - 1 if result.rank else None])
        for result in missed
    )
