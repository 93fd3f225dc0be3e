"""What makes a pair worth a look, from 0 to 1, as SQL over the pairs that can be drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.errors import InputError
from labels.strategies import Strategy

if TYPE_CHECKING:
    from core.store import Store

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
