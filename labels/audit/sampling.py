"""Sampling of pairs with known probabilities, proportional to how informative their labels are.

Every pair runs an exponential race: its time is -ln(u) / weight with u uniform. The order of the
times is that of draws without replacement, each with probability weight / (sum of weights left)
(Efraimidis and Spirakis, Information Processing Letters 97, 2006). That probability is exact,
whatever was labelled before and whenever the person stops, and is stored with the label. ``u`` is a
hash of the pair and of the annotator's progress: whenever weights are computed the race is a new
one, and the same state of the store always gives the same pair.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from labels.audit.filters import condition
from labels.audit.strategies import QueuedPair, Strategy

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from uuid import UUID

    from core.records import Judge
    from core.store.database import Store
    from labels.audit.filters import AuditFilter, Condition


#: How many places of a race are kept, so that weights are seldom computed.
_KEPT: Final = 3_000
_HASHES: Final = "18446744073709551616.0"
#: The share of uniform draws. It keeps every pair within reach, and the weights in estimates below
#: 1 / share times their mean.
_UNIFORM_SHARE: Final = {Strategy.MIXED: 0.2, Strategy.UNCERTAIN: 0.1, Strategy.DISAGREEMENT: 0.1}
_UNIFORM: Final = "weighted AS (SELECT pair_id, 1.0 AS weight FROM judged)"
#: A pair that is twice as informative comes four times as often.
_EXPONENT: Final = 2
#: The distance between the lowest and the highest grade.
_FURTHEST: Final = 4
_ENTROPY: Final = " + ".join(
    f"CASE WHEN {name} > 0 THEN -{name} * ln({name}) ELSE 0 END"
    for name in ("p1", "p2", "p3", "p4", "p5")
)
#: The entropy of the calibrated grade, divided by the highest possible; 1 for a pair without one.
_UNCERTAINTY: Final = f"coalesce(({_ENTROPY}) / ln(5.0), 1.0)"
#: Spread of judges' scores. The lexical baseline, which always disagrees, counts only when alone.
_SPREADS: Final = f"""
    SELECT pair_id, (max(score) - min(score)) / {_FURTHEST}.0 AS spread
    FROM db.judgments WHERE score IS NOT NULL AND judge_id NOT IN (
        SELECT id FROM db.judges WHERE kind = 'lexical' AND EXISTS (
            SELECT 1 FROM db.judges AS other WHERE other.kind <> 'lexical'))
    GROUP BY pair_id HAVING max(score) > min(score)
"""
#: The grade that the latest eval of an encoder implies: 5 at rank 1, falling with the logarithm of
#: the rank to 1 for the last document kept, and for all documents that it did not find.
_RANKED: Final = f"""
    latest AS (
        SELECT id FROM db.evals WHERE retriever = 'encoder'
        ORDER BY started DESC, id DESC LIMIT 1
    ),
    asked AS (
        SELECT eval_id, position, query_id FROM db.eval_queries
        WHERE eval_id IN (SELECT id FROM latest) AND problem IS NULL
    ),
    kept AS (
        SELECT asked.query_id, found.path, min(found.rank) AS rank
        FROM asked JOIN db.eval_results AS found
            ON found.eval_id = asked.eval_id AND found.position = asked.position
        GROUP BY ALL
    ),
    deepest AS (SELECT greatest(2, max(rank)) AS rank FROM kept),
    ranked AS (
        SELECT pair.id AS pair_id,
            CASE WHEN kept.rank IS NULL THEN 1.0
            ELSE 5.0 - {_FURTHEST} * ln(kept.rank) / ln((SELECT rank FROM deepest)) END AS grade
        FROM db.pairs AS pair
        JOIN (SELECT DISTINCT query_id FROM asked) AS query ON query.query_id = pair.query_id
        JOIN db.documents AS document ON document.id = pair.document_id
        LEFT JOIN kept ON kept.query_id = pair.query_id AND kept.path = document.path
    )
"""


class WeightedQueue:
    """Draws pairs that a judge scored, by weight. Not thread-safe.

    Args:
        store: the store.
        judge: whose scored pairs are drawn.
        annotator: whose labels make a pair done.
        audit_filter: which pairs.
        strategy: what makes a pair informative; not ``STRATIFIED`` or ``MISS``.

    Raises:
        InputError: the strategy lacks the data that it needs.
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
        self._weights = _weights_sql(store, strategy)
        self._race: deque[tuple[UUID, float]] = deque()
        self._left = 0.0
        self._complete = False

    def take(self, count: int, excluded: AbstractSet[UUID]) -> list[QueuedPair]:
        """Return at most ``count`` next pairs that are not ``excluded``; none at the end."""
        drawn: list[QueuedPair] = []
        while len(drawn) < count:
            if not self._race and not self._run(excluded | {other.pair for other in drawn}):
                break
            pair, weight = self._race.popleft()
            if pair not in excluded:
                chance = min(1.0, weight / max(self._left, weight))
                drawn.append(QueuedPair(pair, self._strategy.value, chance))
            self._left = max(0.0, self._left - weight)
        return drawn

    def take_uniformly(self, excluded: AbstractSet[UUID]) -> list[QueuedPair]:
        """Return one pair drawn uniformly, which needs no weights; none at the end."""
        wanted, salt = self._judged(excluded)
        pair, count = self._store.read(
            f"SELECT arg_min(pair_id, hash(hash(pair_id, {salt}))), count(DISTINCT pair_id)"
            f" FROM db.judgments WHERE {wanted.sql}",
            wanted.parameters,
        )[0]
        return [] if pair is None else [QueuedPair(pair, self._strategy.value, 1 / count)]

    def _run(self, excluded: AbstractSet[UUID]) -> bool:
        """Run a new race and return whether any pair is in it."""
        if self._complete:
            return False
        wanted, salt = self._judged(excluded)
        rows = self._store.read(
            "WITH judged AS (SELECT pair_id, arg_max(score, judged) AS score FROM db.judgments"
            f" WHERE {wanted.sql} GROUP BY pair_id), {self._weights}"
            " SELECT pair_id, weight, (SELECT sum(weight) FROM weighted) FROM weighted"
            f" ORDER BY -ln((hash(hash(pair_id, {salt})) + 0.5) / {_HASHES}) / weight"
            f" LIMIT {_KEPT}",
            wanted.parameters,
        )
        self._complete = len(rows) < _KEPT
        self._left = float(rows[0][2]) if rows else 0.0
        self._race.extend((pair, float(weight)) for pair, weight, _ in rows)
        return bool(self._race)

    def _judged(self, excluded: AbstractSet[UUID]) -> tuple[Condition, str]:
        """Return the condition for judgments of pairs to draw, and the SQL of the hash's salt."""
        wanted = condition(self._filter, self._annotator, self._judge, "pair_id")
        wanted.also(f"judge_id = {wanted.parameter(self._judge.id)} AND score IS NOT NULL")
        if excluded:
            those = wanted.parameter(sorted(excluded))
            wanted.also(f"pair_id NOT IN (SELECT unnest(CAST({those} AS UUID[])))")
        (state,) = self._store.read(
            "SELECT (SELECT count(*) FROM db.label_events WHERE annotator = $1),"
            " (SELECT arg_max(id, (made, id)) FROM db.calibrations)",
            [self._annotator],
        )
        progress = (self._annotator, *state, self._strategy.value, len(excluded))
        salt = wanted.parameter("/".join(map(str, progress)))
        return wanted, f"CAST({salt} AS VARCHAR)"


def _weights_sql(store: Store, strategy: Strategy) -> str:
    """Return the ``WITH`` parts that make ``weighted (pair_id, weight)`` of ``judged``.

    ``judged (pair_id, score)`` holds the pairs to draw from, with the judge's score. A weight is
    above 0: a uniform share, and the rest in proportion to how informative the pair's label is.

    Raises:
        InputError: the strategy lacks its data: a second judge, an encoder's eval, a calibration.
    """
    if strategy is Strategy.RANDOM:
        return _UNIFORM
    calibrated = bool(store.read("SELECT 1 FROM current_calibrated_grades LIMIT 1"))
    ranked = bool(store.read("SELECT 1 FROM db.evals WHERE retriever = 'encoder' LIMIT 1"))
    several = len(store.read("SELECT DISTINCT judge_id FROM db.judgments WHERE score > 0")) > 1
    _require_data(strategy, calibrated=calibrated, disagreeing=ranked or several)
    parts, joins, signals = [], [], []
    if strategy is not Strategy.DISAGREEMENT and calibrated:
        joins.append("LEFT JOIN current_calibrated_grades AS graded USING (pair_id)")
        signals.append(_UNCERTAINTY)
    if strategy is not Strategy.UNCERTAIN and (several or ranked):
        parts.append(f"spreads AS ({_SPREADS})")
        joins.append("LEFT JOIN spreads USING (pair_id)")
        apart = "coalesce(spread, 0.0)"
        if ranked:
            parts.append(_RANKED)
            joins.append("LEFT JOIN ranked USING (pair_id)")
            apart = f"greatest({apart}, abs(score - coalesce(ranked.grade, score)) / {_FURTHEST}.0)"
        signals.append(apart)
    if not signals:
        return _UNIFORM
    value = " + ".join(f"pow({signal}, {_EXPONENT})" for signal in signals)
    share = _UNIFORM_SHARE[strategy]
    weight = f"{share} + {1 - share} * value / (SELECT mean FROM average)"
    parts += [
        f"valued AS (SELECT pair_id, {value} AS value FROM judged {' '.join(joins)})",
        "average AS (SELECT greatest(avg(value), 1e-9) AS mean FROM valued)",
        f"weighted AS (SELECT pair_id, {weight} AS weight FROM valued)",
    ]
    return ", ".join(parts)


def _require_data(strategy: Strategy, *, calibrated: bool, disagreeing: bool) -> None:
    if strategy is Strategy.UNCERTAIN and not calibrated:
        raise InputError(
            "no grade is calibrated yet, so it is unknown which pairs are uncertain",
            todo="Calibrate first (rejudge calibrate), or choose the queue stratified.",
        )
    if strategy is Strategy.DISAGREEMENT and not disagreeing:
        raise InputError(
            "there is one judge only and no eval of an encoder, so nothing can disagree",
            todo="Judge with a second model or prompt, or run: rejudge eval SPEC.",
        )
