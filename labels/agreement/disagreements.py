"""Pairs that judges score far apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from uuid import UUID

    from core.store.database import Store

MAX_SHOWN: Final = 200
#: Scores this far apart are a disagreement.
APART: Final = 2

#: $1: APART, $2: how many, $3: the annotator. Every row of the worst repeats the counts; a row
#: of counts alone if there are none.
_DISAGREEMENTS: Final = """
    WITH ruled AS (
        SELECT pair_id, score, judges.name FROM current_judgments AS ruling
        JOIN db.judges AS judges ON judges.id = ruling.judge_id
        WHERE judges.kind <> 'lexical'
            OR NOT EXISTS (SELECT 1 FROM db.judges WHERE kind <> 'lexical')
    ), spread AS (
        SELECT pair_id, max(score) - min(score) AS apart,
            list({'score': score, 'name': name} ORDER BY score, name) AS scores
        FROM ruled GROUP BY pair_id HAVING count(*) > 1
    ), counted AS (
        SELECT count(*) AS several, count(*) FILTER (apart >= $1) AS total FROM spread
    ), worst AS (
        SELECT spread.*, label.grade FROM spread
        LEFT JOIN (
            SELECT own.pair_id, coalesce(any_value(settled.grade), avg(own.grade)) AS grade
            FROM current_labels AS own
            LEFT JOIN adjudicated_labels AS settled ON settled.pair_id = own.pair_id
            GROUP BY own.pair_id HAVING $3 = '' OR bool_or(own.annotator = $3)
        ) AS label ON label.pair_id = spread.pair_id
        WHERE apart >= $1
        ORDER BY label.grade IS NOT NULL, apart DESC, spread.pair_id LIMIT $2
    )
    SELECT several, total, worst.pair_id, query.text, document.path, document.symbol, scores,
        worst.grade
    FROM counted LEFT JOIN worst ON TRUE
    LEFT JOIN db.pairs AS pair ON pair.id = worst.pair_id
    LEFT JOIN db.queries AS query ON query.id = pair.query_id
    LEFT JOIN db.documents AS document ON document.id = pair.document_id
    ORDER BY worst.grade IS NOT NULL, apart DESC, worst.pair_id
"""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A pair with every judge's standing score, lowest first.

    ``grade`` is the adjudicated grade, else the mean of people's; None while the pair has no
    grade, or the annotator who looks has not graded it.
    """

    pair: UUID
    query: str
    path: str
    symbol: str
    scores: tuple[tuple[str, int], ...]
    grade: float | None

    @property
    def apart(self) -> int:
        """The highest score minus the lowest."""
        return self.scores[-1][1] - self.scores[0][1]


@dataclass(frozen=True, slots=True)
class Disagreements:
    """The worst disagreements, ungraded pairs first, out of ``total``.

    ``judged_twice`` counts the pairs that several judges scored.
    """

    worst: tuple[Disagreement, ...] = ()
    total: int = 0
    judged_twice: int = 0


def judge_disagreements(store: Store, limit: int = MAX_SHOWN, annotator: str = "") -> Disagreements:
    """Return the pairs with scores ``APART`` or more apart.

    The lexical baseline counts only where it is the only judge.

    Args:
        store: the store.
        limit: how many pairs at most.
        annotator: sees no grade of a pair before grading it; empty: someone who does not grade.
    """
    rows = store.read(_DISAGREEMENTS, [APART, limit, annotator])
    worst = tuple(
        Disagreement(
            pair=pair,
            query=query or "",
            path=path or "",
            symbol=symbol or "",
            scores=tuple((score["name"], score["score"]) for score in scores),
            grade=grade,
        )
        for _, _, pair, query, path, symbol, scores, grade in rows
        if pair is not None
    )
    several, total = rows[0][:2] if rows else (0, 0)
    return Disagreements(worst, int(total), int(several))
