"""The strategies of a queue, and the one it uses by default."""

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
    """How a queue draws its pairs, as a person chooses it."""

    STRATIFIED = "stratified"
    MIXED = "mixed"
    UNCERTAIN = "uncertain"
    DISAGREEMENT = "disagreement"
    RANDOM = "random"
    MISS = "miss"


STRATIFIED: Final = Strategy.STRATIFIED.value
#: A pair that somebody named, not drawn at random.
CHOSEN: Final = "chosen"
#: A pair drawn under a filter, which does not represent the pairs outside of it.
FILTERED: Final = "filtered"
#: A pair shown again without saying so, to compare a person with themselves.
REPEAT: Final = "repeat"
#: Labels that each score needs before the default queue draws by uncertainty.
LABELS_A_SCORE: Final = 10


@dataclass(frozen=True, slots=True)
class QueuedPair:
    """A pair, how the queue chose it, and with which probability.

    ``chance`` is the probability of this pair in its draw, among the pairs left at that time; None
    if it is unknown.
    """

    pair: UUID
    strategy: str
    chance: float | None = None


def strategy_named(name: str) -> Strategy | None:
    """Return the strategy whose name begins with ``name``; None, the default, for an empty name.

    Raises:
        InputError: no strategy or more than one begins with it.
    """
    wanted = name.strip().lower()
    if not wanted:
        return None
    found = [strategy for strategy in Strategy if strategy.value.startswith(wanted)]
    if len(found) != 1:
        raise InputError(
            "there is no such queue", where=name.strip(), todo=f"Queues: {', '.join(Strategy)}."
        )
    return found[0]


def default_strategy(store: Store, judge: Judge | None) -> Strategy:
    """Return ``STRATIFIED`` until every score of the judge has enough labels, then ``MIXED``.

    Enough are ``LABELS_A_SCORE``, or all pairs of a score that has fewer.
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
        scored = store.read(
            "SELECT score, count(DISTINCT pair_id) FROM db.judgments"
            " WHERE judge_id = $1 AND list_contains($2, score) GROUP BY score",
            [judge.id, lacking],
        )
        if any(labelled.get(score, 0) < min(LABELS_A_SCORE, pairs) for score, pairs in scored):
            return Strategy.STRATIFIED
    return Strategy.MIXED
