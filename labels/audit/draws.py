"""Which pairs come next in an audit, by whatever strategy.

Which pairs come next: drawn at random within each score of the audited judge, scores in turn.

A pair's id is a hash of its content, so the order of ids is as good as a shuffle and the same in
every session: a queue that stops can go on where it was. Each round takes one pair of every score
that has any left, so that rare scores get their share of the labels.

What makes a pair worth a look, from 0 to 1, as SQL over the pairs that can be drawn.

Pairs of the queries that an eval missed, in no order of anybody's choosing.

A queue that draws each next pair with a known chance, proportional to what it is worth.

Every pair that can be drawn runs an exponential race: its time is -ln(u) / size with u uniform, and
the order of the times is that of draws without replacement, each with the chance size / (sum of
the sizes left) (Efraimidis and Spirakis, Information Processing Letters 97, 2006). That chance is
exact, whatever was labelled before and whenever the person stops, and is stored with the label.
``u`` is a hash of the pair and of how far the annotator is, so each time the sizes are computed the
race is a new one, and the same state of the store always gives the same pair.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from uuid import UUID

from core.errors import InputError
from core.records import GRADES
from labels.audit.filters import condition
from labels.audit.strategies import FILTERED, STRATIFIED, Drawn, Strategy, default_strategy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from core.records import Judge
    from core.store.database import Store
    from labels.audit.filters import Condition
    from labels.audit.items import AuditFilter


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


#: The share of draws that is plain chance: no pair is ever out of reach, so none needs a weight
#: above 1 / share times the mean.
CHANCE_SHARE: Final = {Strategy.MIXED: 0.2, Strategy.UNCERTAIN: 0.1, Strategy.DISAGREEMENT: 0.1}
#: How much likelier the very worth are: a pair worth twice as much comes four times as often.
_SHARPNESS: Final = 2
_FURTHEST: Final = 4
_CHANCES: Final = ("p1", "p2", "p3", "p4", "p5")
_ENTROPY: Final = " + ".join(
    f"CASE WHEN {name} > 0 THEN -{name} * ln({name}) ELSE 0 END" for name in _CHANCES
)
#: The entropy of the calibrated grade; a pair that has none is as uncertain as can be.
_UNCERTAINTY: Final = f"coalesce(({_ENTROPY}) / ln(5.0), 1.0)"
#: Models only, where any has ruled: the offline baseline always disagrees.
_SPREADS: Final = f"""
    SELECT pair_id, (max(score) - min(score)) / {_FURTHEST}.0 AS spread
    FROM db.judgments WHERE score IS NOT NULL AND judge_id NOT IN (
        SELECT id FROM db.judges WHERE kind = 'lexical' AND EXISTS (
            SELECT 1 FROM db.judges AS other WHERE other.kind <> 'lexical'))
    GROUP BY pair_id HAVING max(score) > min(score)
"""
#: The latest eval of an encoder ranks the documents of its queries: the first is worth a 5, the
#: last of those kept, and all that it did not find, a 1.
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
            ELSE 5.0 - {_FURTHEST} * ln(kept.rank) / ln((SELECT rank FROM deepest)) END AS worth
        FROM db.pairs AS pair
        JOIN (SELECT DISTINCT query_id FROM asked) AS query ON query.query_id = pair.query_id
        JOIN db.documents AS document ON document.id = pair.document_id
        LEFT JOIN kept ON kept.query_id = pair.query_id AND kept.path = document.path
    )
"""


def sizes_sql(store: Store, strategy: Strategy) -> str:
    """Return the ``WITH`` parts that make ``sized (pair_id, size)`` of ``judged``.

    ``judged (pair_id, score)`` holds the pairs that can be drawn with the judge's score. A pair is
    drawn with a chance proportional to its size, which is never 0.

    Raises:
        InputError: there is nothing to go by: one judge, no eval of an encoder, no calibration.
    """
    if strategy is Strategy.RANDOM:
        return "sized AS (SELECT pair_id, 1.0 AS size FROM judged)"
    calibrated = bool(store.read("SELECT 1 FROM current_calibrated_grades LIMIT 1"))
    ranked = bool(store.read("SELECT 1 FROM db.evals WHERE retriever = 'encoder' LIMIT 1"))
    several = len(store.read("SELECT DISTINCT judge_id FROM db.judgments WHERE score > 0")) > 1
    _refuse(strategy, calibrated=calibrated, disagreeing=ranked or several)
    parts, joins, terms = [], [], []
    if strategy is not Strategy.DISAGREEMENT and calibrated:
        joins.append("LEFT JOIN current_calibrated_grades AS told ON told.pair_id = judged.pair_id")
        terms.append(_UNCERTAINTY)
    if strategy is not Strategy.UNCERTAIN and (several or ranked):
        parts.append(f"spreads AS ({_SPREADS})")
        joins.append("LEFT JOIN spreads ON spreads.pair_id = judged.pair_id")
        apart = "coalesce(spread, 0.0)"
        if ranked:
            parts.append(_RANKED)
            joins.append("LEFT JOIN ranked ON ranked.pair_id = judged.pair_id")
            apart = f"greatest({apart}, abs(score - coalesce(worth, score)) / {_FURTHEST}.0)"
        terms.append(apart)
    if not terms:
        return "sized AS (SELECT pair_id, 1.0 AS size FROM judged)"
    worth = " + ".join(f"pow({term}, {_SHARPNESS})" for term in terms)
    parts += [
        f"worths AS (SELECT judged.pair_id, {worth} AS worth FROM judged {' '.join(joins)})",
        "usual AS (SELECT greatest(avg(worth), 1e-9) AS worth FROM worths)",
        f"sized AS (SELECT pair_id, {_size(CHANCE_SHARE[strategy])} AS size FROM worths)",
    ]
    return ", ".join(parts)


def _size(share: float) -> str:
    return f"{share} + {1 - share} * worth / (SELECT worth FROM usual)"


def _refuse(strategy: Strategy, *, calibrated: bool, disagreeing: bool) -> None:
    if strategy is Strategy.UNCERTAIN and not calibrated:
        raise InputError(
            "no grade is calibrated yet, so nothing tells which pairs are uncertain",
            todo="Calibrate first (rejudge calibrate), or choose the queue stratified.",
        )
    if strategy is Strategy.DISAGREEMENT and not disagreeing:
        raise InputError(
            "there is one judge only and no eval of an encoder, so nobody disagrees",
            todo="Judge with a second model or prompt, or run: rejudge eval SPEC.",
        )


#: The queries with nothing relevant in the top k of the latest eval.
_MISSED: Final = """
    SELECT query_id FROM db.eval_queries AS asked JOIN db.evals AS done ON done.id = asked.eval_id
    WHERE asked.problem IS NULL AND (asked.rank IS NULL OR asked.rank > done.k)
        AND done.id = (SELECT id FROM db.evals ORDER BY started DESC, id DESC LIMIT 1)
"""


class MissDraw:
    """Takes every pair of the queries missed by the latest eval; no chance is known of any.

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

    def take(self, count: int, passed: AbstractSet[UUID]) -> list[Drawn]:
        """Return the next pairs, at most ``count``, none of those ``passed``."""
        wanted = condition(self._filter, self._annotator, self._judge, "pair.id")
        wanted.also(f"pair.query_id IN ({_MISSED})")
        if passed:
            gone = wanted.parameter(sorted(passed))
            wanted.also(f"pair.id NOT IN (SELECT unnest(CAST({gone} AS UUID[])))")
        rows = self._store.read(
            f"SELECT pair.id FROM db.pairs AS pair WHERE {wanted.sql}"
            f" ORDER BY pair.id LIMIT {count}",
            wanted.parameters,
        )
        return [Drawn(row[0], Strategy.MISS.value) for row in rows]


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
