"""Which pairs come next in an audit, by whatever strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labels.audit_draw import StratifiedDraw
from labels.miss_draw import MissDraw
from labels.strategies import FILTERED, STRATIFIED, Drawn, Strategy, default_strategy
from labels.weighted_draw import WeightedDraw

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from uuid import UUID

    from core.records import Judge
    from core.store import Store
    from labels.audit_records import AuditFilter


class AuditQueue:
    """Draws the pairs of one filter. Not for two threads at once.

    Pairs that the judge has not scored come when the scored ones are used up.

    Args:
        store: the store.
        judge: the audited judge; None when nothing is judged.
        annotator: whose labels make a pair done.
        audit_filter: which pairs.
        strategy: how they are drawn; None: as ``default_strategy`` says.

    Raises:
        InputError: the strategy has nothing to go by.
    """

    def __init__(
        self,
        store: Store,
        judge: Judge | None,
        annotator: str,
        audit_filter: AuditFilter,
        strategy: Strategy | None = None,
    ) -> None:
        self.strategy = strategy or default_strategy(store, judge)
        self._filter = audit_filter
        self._plain = StratifiedDraw(store, judge, annotator, audit_filter)
        self._weighted: WeightedDraw | None = None
        self._misses: MissDraw | None = None
        if self.strategy is Strategy.MISS:
            self._misses = MissDraw(store, judge, annotator, audit_filter)
        elif self.strategy is not Strategy.STRATIFIED and judge is not None:
            self._weighted = WeightedDraw(store, judge, annotator, audit_filter, self.strategy)

    def take(self, count: int, passed: AbstractSet[UUID]) -> list[Drawn]:
        """Return the next pairs, about ``count``, none of those ``passed``; empty at the end."""
        if self._misses is not None:
            return self._misses.take(count, passed)
        if self._weighted is not None:
            drawn = self._weighted.take(count, passed)
            if drawn:
                return [self._said(one) for one in drawn]
            self._weighted = None
        return self._stratified(count, passed)

    def take_soon(self, passed: AbstractSet[UUID]) -> list[Drawn]:
        """Return one pair without computing what every pair is worth: at random where it can."""
        if self._weighted is not None and self.strategy is Strategy.MIXED:
            drawn = self._weighted.take_any(passed)
            if drawn:
                return [self._said(one) for one in drawn]
        return self.take(1, passed)

    def _stratified(self, count: int, passed: AbstractSet[UUID]) -> list[Drawn]:
        while True:
            identifiers = self._plain.take(max(1, count // 5))
            if not identifiers:
                return []
            fresh = [Drawn(one, STRATIFIED) for one in identifiers if one not in passed]
            if fresh:
                return [self._said(one) for one in fresh]

    def _said(self, drawn: Drawn) -> Drawn:
        """Return the pair as it is told of: one drawn under a filter speaks of no others."""
        plain = self._filter.plain_but_for_scores
        fair = plain if drawn.strategy == STRATIFIED else not self._filter.active
        return drawn if fair else Drawn(drawn.pair, FILTERED)
