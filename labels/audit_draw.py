"""Which pairs come next: drawn at random within each score of the audited judge, scores in turn.

A pair's id is a hash of its content, so the order of ids is as good as a shuffle and the same in
every session: a queue that stops can go on where it was. Each round takes one pair of every score
that has any left, so that rare scores get their share of the labels.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from uuid import UUID

from core.records import GRADES
from labels.audit_conditions import condition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.records import Judge
    from core.store import Store
    from labels.audit_records import AuditFilter

_UNSCORED: Final = 0
_LOWEST: Final = UUID(int=0)
_HIGHEST: Final = UUID(int=2**128 - 1)
#: A score that a hundredth of the pairs have is found in the first stretch of ids looked through.
_RAREST: Final = 100


@dataclass(slots=True)
class StratifiedDraw:
    """Draws pair ids of one filter. Not for two threads at once.

    Args:
        store: the store.
        judge: the audited judge, whose scores are the strata; None when nothing is judged.
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
    _passed: int = 0

    def take(self, per_score: int) -> list[UUID]:
        """Return the next ids, at most ``per_score`` of each score; empty when none are left.

        Pairs that the judge has not scored come when the scored ones are used up.
        """
        strata = [score for score in self._scores() if score not in self._exhausted]
        if self.judge is not None and strata:
            found = self._scored(self.judge, strata, per_score)
            self._exhausted.update(score for score in strata if len(found[score]) < per_score)
            taken = in_turns(list(found.values()))
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
        """Return the next ids of each score, from a short stretch of ids if it holds enough.

        A stretch takes a fifth of the time that all pairs take. One that proves too short for a
        rare score is longer the next time.
        """
        end = self._end_of_stretch(limit)
        found = self._lowest(judge, strata, limit, end)
        if end < _HIGHEST and any(len(found[score]) < limit for score in strata):
            self._rarest *= 8
            found = self._lowest(judge, strata, limit, _HIGHEST)
        self._after.update({score: ids[-1] for score, ids in found.items() if ids})
        return found

    def _end_of_stretch(self, limit: int) -> UUID:
        if self.audit_filter.active:
            return _HIGHEST  # nobody knows how many pairs pass
        if not self._pairs:
            (row,) = self.store.read(
                "SELECT (SELECT count(*) FROM db.pairs),"
                " (SELECT count(*) FROM db.label_events WHERE annotator = $1)",
                [self.annotator],
            )
            self._pairs, self._passed = max(1, row[0]), row[1] // len(GRADES)
        wanted = limit if self._after else limit + self._passed
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
        # One CASE, because DuckDB takes three times as long over the same with OR.
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


def in_turns(strata: Sequence[Sequence[UUID]]) -> list[UUID]:
    """Return the ids of all strata in rounds of one from each, a round in the order of the ids.

    The order within a round is thereby random: nobody can tell a score from its place.
    """
    longest = max((len(stratum) for stratum in strata), default=0)
    taken: list[UUID] = []
    for place in range(longest):
        taken += sorted(stratum[place] for stratum in strata if place < len(stratum))
    return list(dict.fromkeys(taken))
