"""The pairs that judges fight over: those they score far apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from uuid import UUID

    from core.store import Store

MOST: Final = 200
#: Scores this far apart are a fight.
APART: Final = 2


@dataclass(frozen=True, slots=True)
class Fight:
    """One pair with every judge's standing score, the lowest first.

    ``grade`` is the adjudicated grade, else the mean of people's; None while nobody graded it, or
    the person who looks has not.
    """

    pair: UUID
    query: str
    path: str
    symbol: str
    scores: tuple[tuple[str, int], ...]
    grade: float | None

    @property
    def apart(self) -> int:
        """The distance between the highest and the lowest score."""
        return self.scores[-1][1] - self.scores[0][1]


@dataclass(frozen=True, slots=True)
class Fights:
    """The worst fights, those nobody has settled first, and how many pairs are fought over.

    ``judged_twice`` counts the pairs that several judges scored.
    """

    worst: tuple[Fight, ...] = ()
    total: int = 0
    judged_twice: int = 0


def fights_of_judges(store: Store, most: int = MOST, annotator: str = "") -> Fights:
    """Return the pairs whose scores lie ``APART`` or more apart.

    The offline baseline takes no part where any other judge has ruled.

    Args:
        store: the store.
        most: how many of them.
        annotator: who looks, and is to see no grade of a pair before grading it; empty: nobody who
            grades.
    """
    rows = store.read(
        """
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
        """,
        [APART, most, annotator],
    )
    found = [
        Fight(
            pair=pair,
            query=query or "",
            path=path or "",
            symbol=symbol or "",
            scores=tuple((one["name"], one["score"]) for one in scores),
            grade=grade,
        )
        for _, _, pair, query, path, symbol, scores, grade in rows
        if pair is not None
    ]
    several, total = rows[0][:2] if rows else (0, 0)
    return Fights(tuple(found), int(total), int(several))
