"""Labels with what judges said of the same pairs, read from the store."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from core.store import Row, Store


#: The strategy of a queue that draws at random within each score of the audited judge.
STRATIFIED: Final = "stratified"


@dataclass(frozen=True, slots=True)
class LabelledGrade:
    """A person's standing grade.

    ``judgment_id`` names the ruling that the person's grade was compared with, ``seen`` the judge
    and the score of that ruling; ``seen`` is None when there was none or it is gone.
    """

    event: UUID
    happened: datetime
    pair: UUID
    query: UUID
    annotator: str
    grade: int
    hidden: bool
    strategy: str | None
    inclusion_probability: float | None
    judgment_id: UUID | None
    seen: tuple[UUID, int] | None

    @property
    def judgment_gone(self) -> bool:
        """Whether the ruling that the person compared with is no longer there."""
        return self.judgment_id is not None and self.seen is None


@dataclass(frozen=True, slots=True)
class Ruling:
    """One judge's score of one pair and its distribution where there is one."""

    score: int
    distribution: tuple[float, ...] | None = None

    @property
    def chances(self) -> tuple[float, ...]:
        """P(score = 1..5): the distribution, else all of it on the score."""
        if self.distribution is not None:
            return self.distribution
        return tuple(float(self.score == grade) for grade in range(1, 6))


_LABELS: Final = """
    SELECT event.id, event.happened, event.pair_id, pair.query_id, event.annotator, event.grade,
        event.hidden, event.strategy, event.inclusion_probability, event.judgment_id,
        seen.judge_id, seen.score
    FROM {events} AS event
    JOIN db.pairs AS pair ON pair.id = event.pair_id
    LEFT JOIN db.judgments AS seen ON seen.id = event.judgment_id
    WHERE event.grade IS NOT NULL
    ORDER BY event.happened, event.id
"""
_CURRENT: Final = (
    "(SELECT * FROM db.label_events WHERE id IN (SELECT event_id FROM current_labels))"
)


def current_grades(store: Store) -> list[LabelledGrade]:
    """Return the grade that stands for each pair and annotator, the oldest first."""
    return [_label(row) for row in store.read(_LABELS.format(events=_CURRENT))]


def standing_grades(store: Store) -> list[LabelledGrade]:
    """Return every grade that was not undone, also those that a later one replaced."""
    return [_label(row) for row in store.read(_LABELS.format(events="standing_events"))]


def rulings_on_labelled(store: Store) -> dict[UUID, dict[UUID, Ruling]]:
    """Return the standing ruling of each judge on each labelled pair: judge, then pair."""
    rows = store.read(
        """
        SELECT judge_id, pair_id, score, p1, p2, p3, p4, p5 FROM db.judgments
        WHERE score IS NOT NULL AND pair_id IN (SELECT pair_id FROM current_labels)
        QUALIFY row_number()
            OVER (PARTITION BY pair_id, judge_id ORDER BY judged DESC, id DESC) = 1
        """
    )
    found: dict[UUID, dict[UUID, Ruling]] = defaultdict(dict)
    for judge, pair, score, *chances in rows:
        distribution = None if chances[0] is None else tuple(chances)
        found[judge][pair] = Ruling(score, distribution)
    return found


def stratum_sizes(store: Store, labels: Sequence[LabelledGrade]) -> Mapping[tuple[UUID, int], int]:
    """Return how many pairs each judge gave each score; nothing when no label needs to know."""
    if not any(label.strategy == STRATIFIED for label in labels):
        return {}
    rows = store.read("SELECT judge_id, score, count(*) FROM current_judgments GROUP BY ALL")
    return {(judge, score): count for judge, score, count in rows}


def _label(row: Row) -> LabelledGrade:
    event, happened, pair, query, annotator, grade, hidden, strategy, chance, judgment, *seen = row
    judge, score = seen
    return LabelledGrade(
        event=event,
        happened=happened,
        pair=pair,
        query=query,
        annotator=annotator,
        grade=grade,
        hidden=hidden,
        strategy=strategy,
        inclusion_probability=chance,
        judgment_id=judgment,
        seen=None if judge is None or score is None else (judge, score),
    )
