"""Labels and rulings that a calibration is fitted on, read from the store."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from core.records import JudgeKind
from core.store.tables import all_judges
from labels.agreement.labelled import (
    count_sentences,
    deciding_grades,
    labels_without_pair,
    query_numbers,
    rulings_on_labelled,
)
from labels.agreement.people import opposite_grades
from labels.agreement.records import OPPOSITE
from labels.agreement.weights import can_be_weighted, weighted_labels
from labels.calibration.outputs import LEVELS, JudgeOutputs, LabelledOutputs, judge_outputs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from numpy.typing import NDArray

    from core.records import Judge
    from core.store.database import Store
    from labels.agreement.labelled import LabelledGrade, Ruling

    Rulings = Mapping[UUID, Mapping[UUID, Ruling]]

MIN_LABELS: Final = 5
#: Labels cannot teach more judges than this; those with most labels are used.
MAX_JUDGES: Final = 12


@dataclass(frozen=True, slots=True)
class LearningMaterial:
    """What a calibration is fitted on, or the reason why there is none.

    Attributes:
        judges: in the order of the columns of ``labelled.outputs``.
        labelled: the labels with the rulings; None with a ``reason``.
        pairs: how many pairs the labels are on.
        draws: a number in [0, 1) per label, from its pair's id.
        reason: why nothing can be learned; empty if it can.
        notices: what was left out.
    """

    judges: tuple[Judge, ...]
    labelled: LabelledOutputs | None
    pairs: int
    draws: NDArray[np.float64]
    reason: str
    notices: tuple[str, ...]


def learning_material(store: Store) -> LearningMaterial:
    """Return the labels on judged pairs with the judges' standing rulings.

    Annotators of a pair share its weight; an adjudicated grade replaces all of theirs. The lexical
    baseline is used only if no other judge scored a labelled pair.
    """
    deciding = deciding_grades(store)
    rulings = rulings_on_labelled(store)
    judges = _judges(store, rulings)
    judged = {pair for judge in judges for pair in rulings[judge.id]}
    usable, weights = weighted_labels(store, deciding)
    on_judged = np.array([label.pair in judged for label in usable], dtype=bool)
    labels, weights = [label for label in usable if label.pair in judged], weights[on_judged]
    notices = _notices(deciding, judged, labels_without_pair(store))
    reason = _reason(deciding, labels)
    if reason:
        return LearningMaterial(tuple(judges), None, 0, np.zeros(0), reason, notices)
    annotators = Counter(label.pair for label in labels)
    labelled = LabelledOutputs(
        outputs=judge_outputs(*_arrays(labels, judges, rulings)),
        grades=np.array([label.grade for label in labels], dtype=np.int64),
        weights=weights / np.array([annotators[label.pair] for label in labels]),
        queries=query_numbers(labels),
    )
    draws = np.array([draw_of(label.pair) for label in labels])
    notices += _constant_judges(judges, labelled.outputs)
    notices += _uncovered_pairs(store, judges, rulings)
    return LearningMaterial(tuple(judges), labelled, len(annotators), draws, "", notices)


def draw_of(pair: UUID) -> float:
    """Return the pair's own number in [0, 1): the last 32 bits of its id, a content hash."""
    return float((pair.int & 0xFFFFFFFF) / 2**32)


def _judges(store: Store, rulings: Rulings) -> list[Judge]:
    known = [judge for judge in all_judges(store) if rulings.get(judge.id)]
    models = [judge for judge in known if judge.kind is not JudgeKind.LEXICAL] or known
    return sorted(models, key=lambda judge: (-len(rulings[judge.id]), judge.id))[:MAX_JUDGES]


def _arrays(
    labels: Sequence[LabelledGrade], judges: Sequence[Judge], rulings: Rulings
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return scores, shape (labels, judges), and distributions, shape (labels, judges, 5)."""
    scores = np.full((len(labels), len(judges)), np.nan)
    chances = np.full((len(labels), len(judges), LEVELS), np.nan)
    for row, label in enumerate(labels):
        for column, judge in enumerate(judges):
            ruling = rulings[judge.id].get(label.pair)
            if ruling is not None:
                scores[row, column] = ruling.score
                if ruling.distribution is not None:
                    chances[row, column] = ruling.distribution
    return scores, chances


def _reason(labels: Sequence[LabelledGrade], usable: Sequence[LabelledGrade]) -> str:
    """Return why nothing can be learned; empty if it can."""
    if not labels:
        return "there are no labels to learn from; grade some pairs first"
    if not usable:
        return "no label is on a pair that a judge has scored and that was drawn fairly"
    if len(usable) < MIN_LABELS:
        return f"{len(usable)} labels are too few to learn from; at least {MIN_LABELS} are needed"
    if len({label.query for label in usable}) == 1:
        return "all labels are of one query; labels of two queries at least are needed"
    grades = {label.grade for label in usable}
    if len(grades) == 1:
        return f"every label is a {grades.pop()}, so no other grade can be learned"
    return ""


def _notices(labels: Sequence[LabelledGrade], judged: set[UUID], gone: int) -> tuple[str, ...]:
    opposite = f"grades of two people {OPPOSITE} or more apart; each grade counts in part."
    return count_sentences(
        (
            (
                gone,
                "label is on a pair that is gone; it is left out.",
                "labels are on pairs that are gone; they are left out.",
            ),
            (
                sum(not can_be_weighted(label) for label in labels),
                "label comes from a queue that picks on purpose; it is left out.",
                "labels come from a queue that picks on purpose; they are left out.",
            ),
            (
                sum(label.pair not in judged for label in labels),
                "label is on a pair that no judge of these has scored; it is left out.",
                "labels are on pairs that no judge of these has scored; they are left out.",
            ),
            (opposite_grades(labels), f"pair has {opposite}", f"pairs have {opposite}"),
        )
    )


def _constant_judges(judges: Sequence[Judge], outputs: JudgeOutputs) -> tuple[str, ...]:
    """Return a sentence for every judge whose rulings on labelled pairs are all equal."""
    found = []
    for place, judge in enumerate(judges):
        rulings = outputs.judge(place)
        if len(rulings) > 1 and not np.ptp(rulings.chances, axis=0).any():
            score = int(rulings.scores[0, 0])
            found.append(
                f"{judge.name} gave every labelled pair a {score}: its scores cannot tell pairs"
                " apart."
            )
    return tuple(found)


def _uncovered_pairs(store: Store, judges: Sequence[Judge], rulings: Rulings) -> tuple[str, ...]:
    """Return a sentence about the pairs that only judges without labels scored, if any."""
    others = [
        judge
        for judge in all_judges(store)
        if not rulings.get(judge.id) and judge.kind is not JudgeKind.LEXICAL
    ]
    if not others:
        return ()
    ((count,),) = store.read(
        "SELECT count(DISTINCT pair_id) FROM db.judgments WHERE score IS NOT NULL"
        " AND judge_id IN (SELECT unnest(CAST($1 AS UUID[]))) AND pair_id NOT IN ("
        "  SELECT pair_id FROM db.judgments WHERE score IS NOT NULL"
        "  AND judge_id IN (SELECT unnest(CAST($2 AS UUID[]))))",
        [[judge.id for judge in others], [judge.id for judge in judges]],
    )
    names = ", ".join(judge.name for judge in others)
    reason = f"no calibrated grade: only {names} scored"
    return count_sentences(
        (
            (
                count,
                f"pair has {reason} it, none of whose pairs has a label.",
                f"pairs have {reason} them, none of whose pairs has a label.",
            ),
        )
    )
