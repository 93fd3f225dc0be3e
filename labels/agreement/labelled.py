"""Labels from the store, and judges' rulings on the same pairs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from numpy.typing import NDArray

    from core.store.database import Store
    from core.store.sql import Row


@dataclass(frozen=True, slots=True)
class LabelledGrade:
    """A person's standing grade of a pair.

    Attributes:
        judgment_id: the ruling that was compared with the grade when it was given.
        seen: judge and score of that ruling; None if there was none or it is gone.
        strategy: the queue that first gave the pair to the person. A second grade, of a pair that
            came back or was corrected, does not change it; nor ``chance`` and ``drawn``.
        chance: of that draw; None if unknown.
        drawn: when.
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
        """Whether the ruling that the grade was compared with is gone."""
        return self.judgment_id is not None and self.seen is None


@dataclass(frozen=True, slots=True)
class Ruling:
    """A judge's score of a pair, with its distribution if there is one."""

    score: int
    distribution: tuple[float, ...] | None = None

    @property
    def chances(self) -> tuple[float, ...]:
        """P(score = 1..5): the distribution, else 1 on the score."""
        if self.distribution is not None:
            return self.distribution
        return tuple(float(self.score == grade) for grade in range(1, 6))


@dataclass(frozen=True, slots=True)
class Comparison:
    """A label and a judge's ruling on its pair, with the label's weight in the figures.

    ``seen`` tells whether the person graded with this ruling at hand, shown or hidden.
    """

    label: LabelledGrade
    ruling: Ruling
    weight: float
    seen: bool


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
#: Current labels with the adjudicated grade in place of people's own. Who graded the pair, and how
#: it was drawn, stays: the weights depend on it.
_DECIDING: Final = (
    "(SELECT event.* REPLACE (coalesce(settled.grade, event.grade) AS grade)"
    " FROM db.label_events AS event"
    " LEFT JOIN adjudicated_labels AS settled ON settled.pair_id = event.pair_id"
    " WHERE event.id IN (SELECT event_id FROM current_labels))"
)
_OWN: Final = "grade IS NOT NULL AND adjudicates IS NOT TRUE"
_STANDING: Final = f"(SELECT * FROM standing_events WHERE {_OWN})"
#: The first standing grade of every pair and annotator.
_FIRST: Final = (
    f"(SELECT * FROM standing_events WHERE {_OWN} QUALIFY row_number()"
    " OVER (PARTITION BY pair_id, annotator ORDER BY happened, id) = 1)"
)


def current_grades(store: Store) -> list[LabelledGrade]:
    """Return every annotator's own current grade of every pair, oldest first."""
    return _labels(store, _CURRENT, _FIRST)


def deciding_grades(store: Store) -> list[LabelledGrade]:
    """Return the current grades, with the adjudicated grade in place of all of its pair."""
    return _labels(store, _DECIDING, _FIRST)


def first_grades(store: Store) -> list[LabelledGrade]:
    """Return every annotator's first standing grade of every pair, oldest first."""
    return _labels(store, _FIRST, _FIRST)


def standing_grades(store: Store) -> list[LabelledGrade]:
    """Return every grade that was not undone, replaced ones included, oldest first.

    ``strategy`` is that of the grade itself, so pairs that came back can be recognised.
    """
    return _labels(store, _STANDING, _STANDING, " AND drawn.id = event.id")


def _labels(store: Store, events: str, draws: str, also: str = "") -> list[LabelledGrade]:
    rows = store.read(_LABELS.format(events=events, draws=draws, also=also))
    return [_label(row) for row in rows]


def _label(row: Row) -> LabelledGrade:
    judge, score = row[-2:]
    seen = None if judge is None or score is None else (judge, score)
    fields: Row = (*row[:-2], seen)
    return LabelledGrade(*fields)


def labels_without_pair(store: Store) -> int:
    """Return how many current grades are of pairs that are gone; no figure can use them."""
    ((count,),) = store.read(
        "SELECT count(*) FROM current_labels WHERE pair_id NOT IN (SELECT id FROM db.pairs)"
    )
    return int(count)


def rulings_on_labelled(store: Store) -> dict[UUID, dict[UUID, Ruling]]:
    """Return every judge's standing rulings on labelled pairs, by judge, then by pair."""
    rows = store.read(
        """
        SELECT judge_id, pair_id, score, p1, p2, p3, p4, p5 FROM db.judgments
        WHERE score IS NOT NULL AND pair_id IN (SELECT pair_id FROM current_labels)
        QUALIFY row_number()
            OVER (PARTITION BY pair_id, judge_id ORDER BY judged DESC, id DESC) = 1
        """
    )
    rulings: dict[UUID, dict[UUID, Ruling]] = defaultdict(dict)
    for judge, pair, score, *chances in rows:
        distribution = None if chances[0] is None else tuple(chances)
        rulings[judge][pair] = Ruling(score, distribution)
    return rulings


def comparisons(
    judge: UUID,
    labels: Sequence[LabelledGrade],
    weights: NDArray[np.float64],
    rulings: Mapping[UUID, Ruling],
) -> list[Comparison]:
    """Return the labels of pairs that the judge scored, with its rulings.

    A label given with a ruling of this judge at hand is compared with that ruling, even if the
    judge ruled again later; any other label with the judge's standing ruling.
    """
    compared = []
    for label, weight in zip(labels, weights, strict=True):
        standing = rulings.get(label.pair)
        if label.seen is not None and label.seen[0] == judge:
            score = label.seen[1]
            same = standing is not None and standing.score == score
            ruling = standing if same and standing else Ruling(score)
            compared.append(Comparison(label, ruling, float(weight), seen=True))
        elif standing is not None:
            compared.append(Comparison(label, standing, float(weight), seen=False))
    return compared


def query_numbers(labels: Sequence[LabelledGrade]) -> NDArray[np.int64]:
    """Return a number for the query of every label, from 0 without gaps."""
    queries = [label.query.hex for label in labels]
    return np.unique(queries, return_inverse=True)[1] if queries else np.zeros(0, dtype=np.int64)


def count_sentences(counted: Iterable[tuple[int, str, str]]) -> tuple[str, ...]:
    """Return a sentence for every count above 0.

    Args:
        counted: a count, the rest of the sentence for 1, and for any other count.
    """
    return tuple(
        f"{count:,} {singular if count == 1 else plural}"
        for count, singular, plural in counted
        if count
    )
