"""Labels with what judges said of the same pairs, read from the store.

Each label beside one judge's ruling on the same pair.

What each label counts, so that figures speak of all judged pairs and not of the queue's taste.

A person's labels make up to three samples. Those of a queue that stored the chance of each draw are
weighted as Des Raj did (Journal of the American Statistical Association 51, 1956): after each draw
the labels before it, plus the one drawn over its chance, estimate the total without bias, whatever
the chances were and however they followed from labels before; the mean of these estimates is taken.
(The same weights as LURE's: Farquhar, Gal and Rainforth, ICLR 2021.) Those of the stratified queue
were drawn at random within each score; there the chance is the share of that score's pairs that got
a label, and is known afterwards (post-stratification). Labels that came by no queue count 1 each.
Each sample keeps the total that its number of labels gives it.

Labels of pairs picked on purpose, with no chance, cannot be weighted back at all: they are left out
of every figure.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from labels.audit.strategies import REPEAT, STRATIFIED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from numpy.typing import NDArray

    from core.store.database import Store
    from core.store.sql import Row


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


@dataclass(frozen=True, slots=True)
class Comparison:
    """A label, the judge's ruling that it is compared with, and what it counts.

    ``seen`` tells whether the person graded beside this very ruling, in sight or hidden.
    """

    label: LabelledGrade
    ruling: Ruling
    weight: float
    seen: bool


def comparisons(
    judge: UUID,
    labels: Sequence[LabelledGrade],
    weights: NDArray[np.float64],
    rulings: Mapping[UUID, Ruling],
) -> list[Comparison]:
    """Return the labels of pairs that the judge scored.

    A label that was given beside a ruling of this judge is compared with that one, whatever the
    judge said later; any other with the judge's standing ruling.
    """
    found = []
    for label, weight in zip(labels, weights, strict=True):
        standing = rulings.get(label.pair)
        if label.seen is not None and label.seen[0] == judge:
            score = label.seen[1]
            same = standing is not None and standing.score == score
            ruling = standing if same and standing else Ruling(score)
            found.append(Comparison(label, ruling, float(weight), seen=True))
        elif standing is not None:
            found.append(Comparison(label, standing, float(weight), seen=False))
    return found


def query_numbers(labels: Sequence[LabelledGrade]) -> NDArray[np.int64]:
    """Return the number of each label's query, from 0 in the order of their ids."""
    texts = [label.query.hex for label in labels]
    return np.unique(texts, return_inverse=True)[1] if texts else np.zeros(0, dtype=np.int64)


#: Draws that need no chance of their own: each pair as likely as any other, or given by hand.
EVEN: Final = frozenset({None, "", "random", REPEAT})


def can_be_weighted(label: LabelledGrade) -> bool:
    """Tell whether the figures may use the label."""
    return label.chance is not None or label.strategy in EVEN or label.strategy == STRATIFIED


def label_weights(
    labels: Sequence[LabelledGrade], stratum_sizes: Mapping[tuple[UUID, int], int]
) -> NDArray[np.float64]:
    """Return the weight of each label; their mean is 1.

    Args:
        labels: those for which ``can_be_weighted`` holds.
        stratum_sizes: how many pairs each judge gave each score.
    """
    weights = np.zeros(len(labels))
    by_annotator: dict[str, list[int]] = defaultdict(list)
    for place, label in enumerate(labels):
        by_annotator[label.annotator].append(place)
    for places in by_annotator.values():
        own = [labels[place] for place in places]
        drawn = sum(label.chance is not None for label in own)
        if drawn:
            weights[places] += _to_total(_sequential(own), drawn)
    without = np.array([label.chance is None for label in labels], dtype=np.bool_)
    strata = [_stratum(label) for label in labels]
    in_strata = np.array([stratum is not None for stratum in strata], dtype=np.bool_)
    pairs = {(stratum, label.pair) for stratum, label in zip(strata, labels, strict=True)}
    labelled = Counter(stratum for stratum, _ in pairs)
    post = [
        max(1.0, stratum_sizes.get(stratum, 0) / labelled[stratum]) if stratum else 0.0
        for stratum in strata
    ]
    weights += _to_total(np.array(post), int(in_strata.sum()))
    weights += (without & ~in_strata).astype(np.float64)
    return weights


def effective_number(weights: NDArray[np.float64]) -> float:
    """Return how many evenly weighted labels would tell as much (Kish, Survey Sampling, 1965)."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares else 0.0


def _sequential(labels: Sequence[LabelledGrade]) -> NDArray[np.float64]:
    """Return the weights of one annotator's labels from the draws whose chance is known.

    A label counts 1 / chance in the estimate of its own draw and 1 in that of each later draw.
    """
    order = sorted(range(len(labels)), key=lambda place: (labels[place].drawn, labels[place].event))
    weights = np.zeros(len(labels))
    later = sum(label.chance is not None for label in labels)
    for place in order:
        chance = labels[place].chance
        if chance is not None:
            later -= 1
            weights[place] = 1 / chance
        weights[place] += later
    return weights


def _to_total(weights: NDArray[np.float64], total: float) -> NDArray[np.float64]:
    summed = float(weights.sum())
    return weights * total / summed if summed else weights


def _stratum(label: LabelledGrade) -> tuple[UUID, int] | None:
    if label.chance is not None or label.strategy != STRATIFIED or label.seen is None:
        return None
    return label.seen
