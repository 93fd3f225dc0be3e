"""A queue that draws each next pair with a known chance, proportional to what it is worth.

Every pair that can be drawn runs an exponential race: its time is -ln(u) / size with u uniform, and
the order of the times is that of draws without replacement, each with the chance size / (sum of
the sizes left) (Efraimidis and Spirakis, Information Processing Letters 97, 2006). That chance is
exact, whatever was labelled before and whenever the person stops, and is stored with the label.
``u`` is a hash of the pair and of how far the annotator is, so each time the sizes are computed the
race is a new one, and the same state of the store always gives the same pair.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from labels.audit_conditions import condition
from labels.draw_sizes import sizes_sql
from labels.strategies import Drawn, Strategy

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from uuid import UUID

    from core.records import Judge
    from core.store import Store
    from labels.audit_conditions import Condition
    from labels.audit_records import AuditFilter

#: Places of a race that are kept, so that the sizes are seldom computed.
_KEPT: Final = 3_000
_HASHES: Final = "18446744073709551616.0"


class WeightedDraw:
    """Draws the pairs that a judge scored. Not for two threads at once.

    Args:
        store: the store.
        judge: whose scored pairs are drawn.
        annotator: whose labels make a pair done.
        audit_filter: which pairs.
        strategy: what a pair is worth: not ``STRATIFIED`` and not ``MISS``.

    Raises:
        InputError: there is nothing to go by.
    """

    def __init__(
        self,
        store: Store,
        judge: Judge,
        annotator: str,
        audit_filter: AuditFilter,
        strategy: Strategy,
    ) -> None:
        self._store = store
        self._judge = judge
        self._annotator = annotator
        self._filter = audit_filter
        self._strategy = strategy
        self._sizes = sizes_sql(store, strategy)
        self._race: deque[tuple[UUID, float]] = deque()
        self._left = 0.0
        self._complete = False

    def take(self, count: int, passed: AbstractSet[UUID]) -> list[Drawn]:
        """Return the next pairs, at most ``count``; empty when none are left.

        Args:
            count: how many.
            passed: pairs that are out of the race, though no label says so.
        """
        drawn: list[Drawn] = []
        while len(drawn) < count:
            if not self._race and not self._run(passed | {one.pair for one in drawn}):
                break
            pair, size = self._race.popleft()
            if pair not in passed:
                chance = min(1.0, size / max(self._left, size))
                drawn.append(Drawn(pair, self._strategy.value, chance))
            self._left = max(0.0, self._left - size)
        return drawn

    def take_any(self, passed: AbstractSet[UUID]) -> list[Drawn]:
        """Return one pair drawn evenly from all, which needs no sizes; empty when none are left."""
        wanted, salt = self._judged(passed)
        pair, count = self._store.read(
            f"SELECT arg_min(pair_id, hash(hash(pair_id, {salt}))), count(DISTINCT pair_id)"
            f" FROM db.judgments WHERE {wanted.sql}",
            wanted.parameters,
        )[0]
        return [] if pair is None else [Drawn(pair, self._strategy.value, 1 / count)]

    def _run(self, passed: AbstractSet[UUID]) -> bool:
        """Run a new race and return whether anybody is in it."""
        if self._complete:
            return False
        wanted, salt = self._judged(passed)
        rows = self._store.read(
            "WITH judged AS (SELECT pair_id, arg_max(score, judged) AS score FROM db.judgments"
            f" WHERE {wanted.sql} GROUP BY pair_id), {self._sizes}"
            " SELECT pair_id, size, (SELECT sum(size) FROM sized) FROM sized"
            f" ORDER BY -ln((hash(hash(pair_id, {salt})) + 0.5) / {_HASHES}) / size LIMIT {_KEPT}",
            wanted.parameters,
        )
        self._complete = len(rows) < _KEPT
        self._left = float(rows[0][2]) if rows else 0.0
        self._race.extend((pair, float(size)) for pair, size, _ in rows)
        return bool(self._race)

    def _judged(self, passed: AbstractSet[UUID]) -> tuple[Condition, str]:
        """Return which judgments are of pairs that can be drawn, and the name of the salt in it."""
        wanted = condition(self._filter, self._annotator, self._judge, "pair_id")
        wanted.also(f"judge_id = {wanted.parameter(self._judge.id)} AND score IS NOT NULL")
        if passed:
            gone = wanted.parameter(sorted(passed))
            wanted.also(f"pair_id NOT IN (SELECT unnest(CAST({gone} AS UUID[])))")
        (state,) = self._store.read(
            "SELECT (SELECT count(*) FROM db.label_events WHERE annotator = $1),"
            " (SELECT arg_max(id, (made, id)) FROM db.calibrations)",
            [self._annotator],
        )
        told = (self._annotator, *state, self._strategy.value, len(passed))
        salt = wanted.parameter("/".join(map(str, told)))
        return wanted, f"CAST({salt} AS VARCHAR)"
