"""What judges said of pairs, as arrays, and what a calibration can learn from it.

Labels with the rulings to learn from, read from the store.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from core.records import GRADES, JudgeKind
from core.store.tables import all_judges
from labels.agreement.labelled import (
    can_be_weighted,
    deciding_grades,
    label_weights,
    labels_without_pair,
    query_numbers,
    rulings_on_labelled,
    stratum_sizes,
)
from labels.agreement.people import opposite_grades
from labels.agreement.records import OPPOSITE
from labels.trust import counting_sentences

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from numpy.typing import NDArray

    from core.records import Judge
    from core.store.database import Store
    from labels.agreement.labelled import LabelledGrade, Ruling

    Rulings = Mapping[UUID, Mapping[UUID, Ruling]]


@dataclass(frozen=True, slots=True)
class LabelledOutputs:
    """Labels beside what judges said. ``queries`` numbers the queries from 0 without gaps."""

    outputs: JudgeOutputs
    grades: NDArray[np.int64]
    weights: NDArray[np.float64]
    queries: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of labels."""
        return len(self.grades)

    def of(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> LabelledOutputs:
        """Return some of the labels."""
        return LabelledOutputs(
            self.outputs.of(chosen),
            self.grades[chosen],
            self.weights[chosen],
            self.queries[chosen],
        )


LEVELS: Final = len(GRADES)
GRADE_VALUES: Final = np.array(GRADES, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class JudgeOutputs:
    """The rulings of J judges on n pairs, at least one on each pair.

    Args:
        scores: shape (n, J), 1-5, NaN where a judge has not ruled.
        chances: shape (n, J, 5), P(score = 1..5); NaN where a judge has not ruled. A judge that
            gives no distribution has all of it on its score.
    """

    scores: NDArray[np.float64]
    chances: NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.scores)

    def of(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> JudgeOutputs:
        """Return the rulings on some of the pairs."""
        return JudgeOutputs(self.scores[chosen], self.chances[chosen])

    def judge(self, place: int) -> JudgeOutputs:
        """Return the rulings of one judge on the pairs that it scored."""
        ruled = ~np.isnan(self.scores[:, place])
        return JudgeOutputs(
            self.scores[ruled, place : place + 1], self.chances[ruled, place : place + 1]
        )

    @property
    def mean_chances(self) -> NDArray[np.float64]:
        """The mean distribution of the judges that ruled on each pair, shape (n, 5)."""
        return np.asarray(np.nanmean(self.chances, axis=1))

    @property
    def expected(self) -> NDArray[np.float64]:
        """Each pair's expected score, the mean of its judges, shape (n,)."""
        return self.mean_chances @ GRADE_VALUES


def judge_outputs(
    scores: NDArray[np.float64], distributions: NDArray[np.float64] | None = None
) -> JudgeOutputs:
    """Return the outputs; where there is no distribution, all of it is on the score.

    Args:
        scores: shape (n, J), 1-5 or NaN.
        distributions: shape (n, J, 5), NaN where there is none; rows are made to sum to 1.
    """
    sure = (scores[..., None] == GRADE_VALUES).astype(np.float64)
    sure[np.isnan(scores)] = np.nan
    if distributions is None:
        return JudgeOutputs(scores, sure)
    totals = distributions.sum(axis=-1, keepdims=True)
    usable = (totals > 0) & ~np.isnan(scores)[..., None]
    chances = np.where(usable, distributions / np.where(totals > 0, totals, 1), sure)
    return JudgeOutputs(scores, chances)


def features(outputs: JudgeOutputs) -> NDArray[np.float64]:
    """Return what the ordinal model looks at, shape (n, 4 + J), or (n, 2) for a bare score.

    The mean expected score; the mean score; the spread of the judges; the entropy of their mean
    distribution; and how far each judge is from the mean, 0 where it has not ruled.
    """
    expected = outputs.expected
    mean_score = np.nanmean(outputs.scores, axis=1)
    each = outputs.chances @ GRADE_VALUES
    apart = np.nan_to_num(each - expected[:, None])
    spread = np.sqrt(np.nanmean((each - expected[:, None]) ** 2, axis=1))
    chances = outputs.mean_chances
    entropy = -(chances * np.log(np.where(chances > 0, chances, 1))).sum(axis=1)
    columns = [expected, mean_score - expected, spread, entropy]
    if outputs.scores.shape[1] > 1:
        columns += list(apart.T)
    return np.column_stack(columns)


FEWEST_LABELS: Final = 5
#: More judges than this would be more to learn than labels can teach; those with most labels stay.
MOST_JUDGES: Final = 12


@dataclass(frozen=True, slots=True)
class LearningMaterial:
    """What a calibration is fitted on, or the reason why it cannot be.

    ``draws`` has one number in [0, 1) for each label, from its pair's id. ``judges`` are in the
    order of the columns of ``labelled.outputs``.
    """

    judges: tuple[Judge, ...]
    labelled: LabelledOutputs | None
    pairs: int
    draws: NDArray[np.float64]
    reason: str
    notices: tuple[str, ...]


def learning_material(store: Store) -> LearningMaterial:
    """Return the labels on judged pairs beside the judges' standing rulings.

    A label counts its weight, shared among the annotators of its pair; an adjudicated grade stands
    in the place of all of theirs. The offline baseline is
    used only where no other judge has scored a labelled pair.
    """
    every = deciding_grades(store)
    rulings = rulings_on_labelled(store)
    judges = _judges(store, rulings)
    judged = {pair for judge in judges for pair in rulings[judge.id]}
    labels = [label for label in every if label.pair in judged and can_be_weighted(label)]
    reason = _reason(every, labels)
    notices = _notices(every, judged, labels_without_pair(store))
    if reason:
        return LearningMaterial(tuple(judges), None, 0, np.zeros(0), reason, notices)
    shared = Counter(label.pair for label in labels)
    weights = label_weights(labels, stratum_sizes(store, labels))
    labelled = LabelledOutputs(
        outputs=judge_outputs(*_arrays(labels, judges, rulings)),
        grades=np.array([label.grade for label in labels], dtype=np.int64),
        weights=weights / np.array([shared[label.pair] for label in labels]),
        queries=query_numbers(labels),
    )
    draws = np.array([draw_of(label.pair) for label in labels])
    notices += (*_alike(judges, labelled.outputs), *_without_labels(store, judges, rulings))
    return LearningMaterial(tuple(judges), labelled, len(shared), draws, "", notices)


def draw_of(pair: UUID) -> float:
    """Return the pair's own number in [0, 1): the last 32 bits of its id, a content hash."""
    return float((pair.int & 0xFFFFFFFF) / 2**32)


def _judges(store: Store, rulings: Rulings) -> list[Judge]:
    known = [judge for judge in all_judges(store) if rulings.get(judge.id)]
    models = [judge for judge in known if judge.kind is not JudgeKind.LEXICAL] or known
    return sorted(models, key=lambda judge: (-len(rulings[judge.id]), judge.id))[:MOST_JUDGES]


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


def _reason(every: Sequence[LabelledGrade], usable: Sequence[LabelledGrade]) -> str:
    """Return why nothing can be learned; empty when it can."""
    if not every:
        return "there are no labels to learn from; grade some pairs first"
    if not usable:
        return "no label is on a pair that a judge has scored and that was drawn fairly"
    if len(usable) < FEWEST_LABELS:
        return f"{len(usable)} labels are too few to learn from; {FEWEST_LABELS} are the least"
    if len({label.query for label in usable}) == 1:
        return "all labels are of one query; labels of two queries at least are needed"
    grades = {label.grade for label in usable}
    if len(grades) == 1:
        return f"every label is a {grades.pop()}; what another grade looks like cannot be learned"
    return ""


def _notices(labels: Sequence[LabelledGrade], judged: set[UUID], gone: int) -> tuple[str, ...]:
    apart = f"grades of two people {OPPOSITE} or more apart; each grade counts in part."
    return counting_sentences(
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
            (opposite_grades(labels), f"pair has {apart}", f"pairs have {apart}"),
        )
    )


def _alike(judges: Sequence[Judge], outputs: JudgeOutputs) -> tuple[str, ...]:
    """Return a sentence for each judge that said the same of every labelled pair."""
    found = []
    for place, judge in enumerate(judges):
        said = outputs.judge(place)
        if len(said) > 1 and not np.ptp(said.chances, axis=0).any():
            score = int(said.scores[0, 0])
            found.append(
                f"{judge.name} gave every labelled pair a {score}, so its scores tell no pairs"
                " apart."
            )
    return tuple(found)


def _without_labels(store: Store, judges: Sequence[Judge], rulings: Rulings) -> tuple[str, ...]:
    """Return a sentence about the pairs of judges none of whose pairs has a label, if any."""
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
    told = f"no calibrated grade: only {names} scored"
    return counting_sentences(
        (
            (
                count,
                f"pair has {told} it, none of whose pairs has a label.",
                f"pairs have {told} them, none of whose pairs has a label.",
            ),
        )
    )
