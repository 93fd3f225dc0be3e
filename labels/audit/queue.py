"""The queue of an audit: which pairs come next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from uuid import UUID

from core.errors import InputError
from core.records import GRADES
from labels.audit.filters import condition
from labels.audit.sampling import WeightedQueue
from labels.audit.strategies import (
    FILTERED,
    STRATIFIED,
    QueuedPair,
    Strategy,
    default_strategy,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from core.records import Judge
    from core.store.database import Store
    from labels.audit.filters import AuditFilter


_UNSCORED: Final = 0
_LOWEST: Final = UUID(int=0)
_HIGHEST: Final = UUID(int=2**128 - 1)
#: The first range of ids is long enough for a score that a hundredth of the pairs have.
_RAREST: Final = 100
#: The queries with nothing relevant in the top k of the latest eval.
_MISSED: Final = """
    SELECT query_id FROM db.eval_queries AS asked JOIN db.evals AS done ON done.id = asked.eval_id
    WHERE asked.problem IS NULL AND (asked.rank IS NULL OR asked.rank > done.k)
        AND done.id = (SELECT id FROM db.evals ORDER BY started DESC, id DESC LIMIT 1)
"""


class AuditQueue:
    """Draws the pairs of a filter by one strategy. Not thread-safe.

    Pairs that the judge has not scored come after the scored ones.

    Args:
        store: the store.
        judge: the audited judge; None when nothing is judged.
        annotator: whose labels make a pair done.
        audit_filter: which pairs.
        strategy: how they are drawn; None: by ``default_strategy``.

    Raises:
        InputError: the strategy lacks the data that it needs.
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
        self._stratified = StratifiedQueue(store, judge, annotator, audit_filter)
        self._weighted: WeightedQueue | None = None
        self._missed: MissedQueue | None = None
        if self.strategy is Strategy.MISS:
            self._missed = MissedQueue(store, judge, annotator, audit_filter)
        elif self.strategy is not Strategy.STRATIFIED and judge is not None:
            self._weighted = WeightedQueue(store, judge, annotator, audit_filter, self.strategy)

    def take(self, count: int, excluded: AbstractSet[UUID]) -> list[QueuedPair]:
        """Return about ``count`` next pairs that are not ``excluded``; none at the end."""
        if self._missed is not None:
            return self._missed.take(count, excluded)
        if self._weighted is not None:
            drawn = self._weighted.take(count, excluded)
            if drawn:
                return [self._marked(pair) for pair in drawn]
            self._weighted = None
        return self._take_stratified(count, excluded)

    def take_quickly(self, excluded: AbstractSet[UUID]) -> list[QueuedPair]:
        """Return the next pair without computing weights: a mixed queue draws it uniformly."""
        if self._weighted is not None and self.strategy is Strategy.MIXED:
            drawn = self._weighted.take_uniformly(excluded)
            if drawn:
                return [self._marked(pair) for pair in drawn]
        return self.take(1, excluded)

    def _take_stratified(self, count: int, excluded: AbstractSet[UUID]) -> list[QueuedPair]:
        while True:
            identifiers = self._stratified.take(max(1, count // len(GRADES)))
            if not identifiers:
                return []
            fresh = [QueuedPair(pair, STRATIFIED) for pair in identifiers if pair not in excluded]
            if fresh:
                return [self._marked(pair) for pair in fresh]

    def _marked(self, drawn: QueuedPair) -> QueuedPair:
        """Mark a pair drawn under a filter: it does not represent the pairs outside of it."""
        by_scores_at_most = self._filter.plain_but_for_scores
        fair = by_scores_at_most if drawn.strategy == STRATIFIED else not self._filter.active
        return drawn if fair else QueuedPair(drawn.pair, FILTERED)


@dataclass(slots=True)
class StratifiedQueue:
    """Draws pairs at random within each score of the judge, the scores in turn. Not thread-safe.

    A pair's id is a hash of its content, so the order of ids is a random one that is the same in
    every session: a queue that stops can continue where it was. Each round takes one pair of every
    score that has any left, so that rare scores get their share of the labels.

    Args:
        store: the store.
        judge: the audited judge, its scores are the strata; None when nothing is judged.
        annotator: whose labels make a pair done.
        audit_filter: which pairs.
    """

    store: Store
    judge: Judge | None
    annotator: str
    audit_filter: AuditFilter
    _after: dict[int, UUID] = field(default_factory=dict)
    _exhausted: set[int] = field(default_factory=set)
    _rarest: int = _RAREST
    _pairs: int = 0
    _done: int = 0

    def take(self, per_score: int) -> list[UUID]:
        """Return the next ids, at most ``per_score`` of each score; none at the end."""
        strata = [score for score in self._scores() if score not in self._exhausted]
        if self.judge is not None and strata:
            found = self._scored(self.judge, strata, per_score)
            self._exhausted.update(score for score in strata if len(found[score]) < per_score)
            taken = interleave(list(found.values()))
            if taken:
                return taken
        if _UNSCORED in self._exhausted or self.audit_filter.scores:
            return []
        limit = per_score * len(GRADES)
        unscored = self._unscored(limit)
        if len(unscored) < limit:
            self._exhausted.add(_UNSCORED)
        return unscored

    def _scores(self) -> Sequence[int]:
        return sorted(self.audit_filter.scores) or GRADES

    def _scored(self, judge: Judge, strata: Sequence[int], limit: int) -> dict[int, list[UUID]]:
        """Return the next ids of each score, from a short range of ids if it holds enough.

        Reading a range takes a fifth of the time that all pairs take. A range that was too short
        for a rare score is longer the next time.
        """
        end = self._end_of_range(limit)
        found = self._lowest(judge, strata, limit, end)
        if end < _HIGHEST and any(len(found[score]) < limit for score in strata):
            self._rarest *= 8
            found = self._lowest(judge, strata, limit, _HIGHEST)
        self._after.update({score: ids[-1] for score, ids in found.items() if ids})
        return found

    def _end_of_range(self, limit: int) -> UUID:
        if self.audit_filter.active:
            return _HIGHEST  # how many pairs pass the filter is unknown
        if not self._pairs:
            (row,) = self.store.read(
                "SELECT (SELECT count(*) FROM db.pairs),"
                " (SELECT count(*) FROM db.label_events WHERE annotator = $1)",
                [self.annotator],
            )
            self._pairs, self._done = max(1, row[0]), row[1] // len(GRADES)
        wanted = limit if self._after else limit + self._done
        length = wanted * self._rarest * _HIGHEST.int // self._pairs
        start = max(self._after.values(), default=_LOWEST)
        return UUID(int=min(start.int + length, _HIGHEST.int))

    def _lowest(
        self, judge: Judge, strata: Sequence[int], limit: int, end: UUID
    ) -> dict[int, list[UUID]]:
        wanted = condition(self.audit_filter, self.annotator, judge, "pair_id")
        wanted.also(f"judge_id = {wanted.parameter(judge.id)}")
        wanted.also(f"pair_id <= {wanted.parameter(end)}")
        starts = " ".join(
            f"WHEN {score} THEN {wanted.parameter(self._after.get(score, _LOWEST))}"
            for score in strata
        )
        # One CASE: DuckDB takes three times as long for the same with OR.
        wanted.also(f"pair_id > CASE score {starts} END")
        rows = self.store.read(
            f"SELECT score, min(pair_id, {limit}) FROM db.judgments WHERE {wanted.sql}"
            " GROUP BY score",
            wanted.parameters,
        )
        found: dict[int, list[UUID]] = {score: [] for score in strata}
        for score, identifiers in rows:
            found[score] = sorted(identifiers)
        return found

    def _unscored(self, limit: int) -> list[UUID]:
        wanted = condition(self.audit_filter, self.annotator, self.judge, "id")
        wanted.also(f"id > {wanted.parameter(self._after.get(_UNSCORED, _LOWEST))}")
        if self.judge is not None:
            judge = wanted.parameter(self.judge.id)
            wanted.also(
                "NOT EXISTS (SELECT 1 FROM db.judgments AS ruled WHERE ruled.pair_id = pairs.id"
                f" AND ruled.score IS NOT NULL AND ruled.judge_id = {judge})"
            )
        rows = self.store.read(
            f"SELECT id FROM db.pairs AS pairs WHERE {wanted.sql} ORDER BY id LIMIT {limit}",
            wanted.parameters,
        )
        identifiers = [row[0] for row in rows]
        if identifiers:
            self._after[_UNSCORED] = identifiers[-1]
        return identifiers


def interleave(strata: Sequence[Sequence[UUID]]) -> list[UUID]:
    """Return the ids of all strata in rounds of one from each, every round in the order of ids.

    The order within a round is thereby random, so that a pair's place does not give away its score.
    """
    longest = max((len(stratum) for stratum in strata), default=0)
    taken: list[UUID] = []
    for place in range(longest):
        taken += sorted(stratum[place] for stratum in strata if place < len(stratum))
    return list(dict.fromkeys(taken))


class MissedQueue:
    """Takes every pair of the queries that the latest eval missed, in the order of ids.

    Raises:
        InputError: there is no eval, or its missed queries have no pairs.
    """

    def __init__(
        self, store: Store, judge: Judge | None, annotator: str, audit_filter: AuditFilter
    ) -> None:
        self._store = store
        self._judge = judge
        self._annotator = annotator
        self._filter = audit_filter
        if not store.read("SELECT 1 FROM db.evals LIMIT 1"):
            raise InputError(
                "there is no eval yet, so no query was missed", todo="Run: rejudge eval SPEC."
            )
        missed = f"SELECT 1 FROM db.pairs WHERE query_id IN ({_MISSED}) LIMIT 1"
        if not store.read(missed):
            raise InputError(
                "the queries that the latest eval missed have no pairs",
                todo="Make them on the misses screen, or run: rejudge misses.",
            )

    def take(self, count: int, excluded: AbstractSet[UUID]) -> list[QueuedPair]:
        """Return at most ``count`` next pairs that are not ``excluded``."""
        wanted = condition(self._filter, self._annotator, self._judge, "pair.id")
        wanted.also(f"pair.query_id IN ({_MISSED})")
        if excluded:
            those = wanted.parameter(sorted(excluded))
            wanted.also(f"pair.id NOT IN (SELECT unnest(CAST({those} AS UUID[])))")
        rows = self._store.read(
            f"SELECT pair.id FROM db.pairs AS pair WHERE {wanted.sql}"
            f" ORDER BY pair.id LIMIT {count}",
            wanted.parameters,
        )
        return [QueuedPair(row[0], Strategy.MISS.value) for row in rows]
