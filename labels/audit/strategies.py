"""How a queue comes to its pairs, by name, and which one it uses when nobody chose."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from core.records import GRADES

if TYPE_CHECKING:
    from uuid import UUID

    from core.records import Judge
    from core.store.database import Store


class Strategy(StrEnum):
    """What a person can ask a queue for."""

    STRATIFIED = "stratified"
    MIXED = "mixed"
    UNCERTAIN = "uncertain"
    DISAGREEMENT = "disagreement"
    RANDOM = "random"
    MISS = "miss"


STRATIFIED: Final = Strategy.STRATIFIED.value
#: A pair that somebody asked for: no chance had a part in it.
CHOSEN: Final = "chosen"
#: A pair drawn among those that a filter passed: it speaks of no others.
FILTERED: Final = "filtered"
#: An earlier pair that came back silently.
REPEAT: Final = "repeat"
#: What each score needs before the default queue looks for what is uncertain.
LABELS_A_SCORE: Final = 10


@dataclass(frozen=True, slots=True)
class Drawn:
    """A pair, how the queue came to it, and the chance with which that draw took it.

    ``chance`` is that of this pair in this draw, among the pairs that were left then; None where
    no chance is known.
    """

    pair: UUID
    strategy: str
    chance: float | None = None


def strategy_named(name: str) -> Strategy | None:
    """Return the strategy whose name begins with ``name``; None of an empty name: the default.

    Raises:
        InputError: no strategy or more than one begins so.
    """
    wanted = name.strip().lower()
    if not wanted:
        return None
    found = [one for one in Strategy if one.value.startswith(wanted)]
    if len(found) != 1:
        raise InputError(
            "there is no such queue", where=name.strip(), todo=f"Known are {', '.join(Strategy)}."
        )
    return found[0]


def default_strategy(store: Store, judge: Judge | None) -> Strategy:
    """Return ``STRATIFIED`` until every score of the judge has its share of labels, then ``MIXED``.

    The share is ``LABELS_A_SCORE``, or all pairs of a score that has fewer.
    """
    if judge is None:
        return Strategy.STRATIFIED
    labelled: dict[int, int] = dict(
        store.read(
            "SELECT seen.score, count(DISTINCT label.pair_id) FROM current_labels AS label"
            " JOIN db.judgments AS seen ON seen.id = label.judgment_id"
            " WHERE seen.judge_id = $1 AND seen.score IS NOT NULL GROUP BY seen.score",
            [judge.id],
        )
    )
    lacking = [score for score in GRADES if labelled.get(score, 0) < LABELS_A_SCORE]
    if len(lacking) == len(GRADES):
        return Strategy.STRATIFIED
    if lacking:
        there = store.read(
            "SELECT score, count(DISTINCT pair_id) FROM db.judgments"
            " WHERE judge_id = $1 AND list_contains($2, score) GROUP BY score",
            [judge.id, lacking],
        )
        if any(labelled.get(score, 0) < min(LABELS_A_SCORE, pairs) for score, pairs in there):
            return Strategy.STRATIFIED
    return Strategy.MIXED
