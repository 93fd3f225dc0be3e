"""Labels with what judges said of the same pairs, read from the store."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from labels.strategies import STRATIFIED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from core.store import Row, Store


@dataclass(frozen=True, slots=True)
class LabelledGrade:
    """A person's standing grade.

    ``judgment_id`` names the ruling that the person's grade was compared with, ``seen`` the judge
    and the score of that ruling; ``seen`` is None when there was none or it is gone.
    ``strategy``, ``chance`` and ``drawn`` tell how and when the queue first came to the pair: a
    second grade, of a pair that came back or was corrected, changes nothing about that.
    """

    event: UUID
    happened: datetime
    pair: UUID
    query: UUID
    annotator: str
    grade: int
    hidden: bool
    strategy: str | None
    chance: float | None
    drawn: datetime
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
        event.hidden, drawn.strategy, drawn.inclusion_probability, drawn.happened,
        event.judgment_id, seen.judge_id, seen.score
    FROM {events} AS event
    JOIN {draws} AS drawn ON drawn.pair_id = event.pair_id AND drawn.annotator = event.annotator
    JOIN db.pairs AS pair ON pair.id = event.pair_id
    LEFT JOIN db.judgments AS seen ON seen.id = event.judgment_id
    WHERE event.grade IS NOT NULL{also}
    ORDER BY event.happened, event.id
"""
_CURRENT: Final = (
    "(SELECT * FROM db.label_events WHERE id IN (SELECT event_id FROM current_labels))"
)
#: The same labels, the adjudicated grade in the place of each person's own. Who graded the pair,
#: and how they came to it, stays as it was: that is what weights go by.
_DECIDING: Final = (
    "(SELECT event.* REPLACE (coalesce(settled.grade, event.grade) AS grade)"
    " FROM db.label_events AS event"
    " LEFT JOIN adjudicated_labels AS settled ON settled.pair_id = event.pair_id"
    " WHERE event.id IN (SELECT event_id FROM current_labels))"
)
_OWN: Final = "grade IS NOT NULL AND adjudicates IS NOT TRUE"
_GIVEN: Final = f"(SELECT * FROM standing_events WHERE {_OWN})"
#: The first grade that stands of each pair and annotator.
_FIRST: Final = (
    f"(SELECT * FROM standing_events WHERE {_OWN} QUALIFY row_number()"
    " OVER (PARTITION BY pair_id, annotator ORDER BY happened, id) = 1)"
)


def current_grades(store: Store) -> list[LabelledGrade]:
    """Return the own grade that stands for each pair and annotator, the oldest first."""
    return _labels(store, _CURRENT, _FIRST)


def deciding_grades(store: Store) -> list[LabelledGrade]:
    """Return the same with an adjudicated grade in the place of all own ones of its pair."""
    return _labels(store, _DECIDING, _FIRST)


def first_grades(store: Store) -> list[LabelledGrade]:
    """Return the first grade that stands for each pair and annotator, the oldest first."""
    return _labels(store, _FIRST, _FIRST)


def standing_grades(store: Store) -> list[LabelledGrade]:
    """Return every grade that was not undone, also those that a later one replaced.

    ``strategy`` is of each by itself, so that pairs which came back are known.
    """
    return _labels(store, _GIVEN, _GIVEN, " AND drawn.id = event.id")


def labels_without_pair(store: Store) -> int:
    """Return how many standing grades are of pairs that are gone: no figure can use them."""
    ((count,),) = store.read(
        "SELECT count(*) FROM current_labels WHERE pair_id NOT IN (SELECT id FROM db.pairs)"
    )
    return int(count)


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


def _labels(store: Store, events: str, draws: str, also: str = "") -> list[LabelledGrade]:
    rows = store.read(_LABELS.format(events=events, draws=draws, also=also))
    return [_label(row) for row in rows]


def _label(row: Row) -> LabelledGrade:
    event, happened, pair, query, annotator, grade, hidden, *drawn, judgment, judge, score = row
    strategy, chance, first = drawn
    return LabelledGrade(
        event=event,
        happened=happened,
        pair=pair,
        query=query,
        annotator=annotator,
        grade=grade,
        hidden=hidden,
        strategy=strategy,
        chance=chance,
        drawn=first,
        judgment_id=judgment,
        seen=None if judge is None or score is None else (judge, score),
    )
