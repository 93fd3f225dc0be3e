"""How far a workspace's judges can be trusted: agreement, work, disagreements, calibration."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from core.errors import InputError
from core.store.tables import all_judges
from labels.agreement.corpus import corpus_figures
from labels.agreement.disagreements import Disagreements, judge_disagreements
from labels.agreement.judges import judge_agreement
from labels.agreement.labelled import (
    comparisons,
    count_sentences,
    current_grades,
    deciding_grades,
    first_grades,
    labels_without_pair,
    rulings_on_labelled,
    standing_grades,
)
from labels.agreement.people import (
    alpha_of_all,
    between_annotators,
    opposite_grades,
    with_themselves,
)
from labels.agreement.records import OPPOSITE, AgreementReport, CalibrationEffect
from labels.agreement.weights import can_be_weighted, weighted_labels
from labels.calibration.store import current_calibration, labels_since
from labels.judges.choosing import scored_pairs
from labels.status import JudgeStatus, judge_statuses

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from core.records import Judge
    from core.store.database import Store
    from labels.agreement.labelled import LabelledGrade, Ruling
    from labels.agreement.records import JudgeAgreement
    from labels.calibration.store import Calibration


@dataclass(frozen=True, slots=True)
class Trust:
    """Everything that speaks for or against judges.

    ``labels_since`` counts the grades given after ``calibration``, the newest.
    """

    agreement: AgreementReport = field(default_factory=AgreementReport)
    work: Mapping[UUID, JudgeStatus] = field(default_factory=dict)
    disagreements: Disagreements = field(default_factory=Disagreements)
    calibration: Calibration | None = None
    labels_since: int = 0

    def work_of(self, judge: JudgeAgreement) -> JudgeStatus:
        """Return what a judge has done."""
        return self.work.get(judge.judge.id, JudgeStatus(judge.judge))


def measure_trust(store: Store, judge_name: str = "", annotator: str = "") -> Trust:
    """Measure everything, the judge with most labels first.

    Args:
        store: the store.
        judge_name: only judges of this name; empty for all.
        annotator: see ``judge_disagreements``.

    Raises:
        InputError: no judge has that name.
    """
    newest = current_calibration(store)
    return Trust(
        agreement=measure_agreement(store, judge_name),
        work={status.judge.id: status for status in judge_statuses(store)},
        disagreements=judge_disagreements(store, annotator=annotator),
        calibration=newest,
        labels_since=labels_since(store, newest),
    )


def measure_agreement(store: Store, judge_name: str = "") -> AgreementReport:
    """Return how far judges and people agree, the judge with most labels first.

    Args:
        store: the store.
        judge_name: only judges of this name; empty for all.

    Raises:
        InputError: no judge has that name.
    """
    judges = _judges(store, judge_name)
    own, deciding = current_grades(store), deciding_grades(store)
    rulings = rulings_on_labelled(store)
    return AgreementReport(
        judges=_judge_agreements(store, judges, deciding, rulings),
        annotators=between_annotators(own),
        themselves=with_themselves(standing_grades(store)),
        alpha=alpha_of_all(own),
        notices=_notices(
            deciding,
            {pair for by_pair in rulings.values() for pair in by_pair},
            labels_without_pair(store),
        ),
    )


def _judges(store: Store, name: str) -> list[Judge]:
    judges = all_judges(store)
    named = [judge for judge in judges if name in ("", judge.name)]
    if name and not named:
        known = ", ".join(sorted({judge.name for judge in judges})) or "none yet"
        raise InputError(f"there is no judge {name}", todo=f"Judges of this workspace: {known}.")
    return named


def _judge_agreements(
    store: Store,
    judges: Sequence[Judge],
    deciding: Sequence[LabelledGrade],
    rulings: Mapping[UUID, Mapping[UUID, Ruling]],
) -> tuple[JudgeAgreement, ...]:
    labels, weights = weighted_labels(store, deciding)
    first = {(label.pair, label.annotator): label for label in first_grades(store)}
    first_labels = [first[label.pair, label.annotator] for label in labels]
    scored, effects = scored_pairs(store), _effects(store)
    found = []
    for judge in judges:
        ruled = rulings.get(judge.id, {})
        compared = comparisons(judge.id, labels, weights, ruled)
        pairs = scored.get(judge.id, 0)
        at_first = comparisons(judge.id, first_labels, weights, ruled)
        agreement = judge_agreement(judge, compared, at_first, pairs)
        corpus = corpus_figures(store, judge.id, compared) if compared and pairs else None
        found.append(replace(agreement, corpus=corpus, calibration=effects.get(judge.id)))
    return tuple(sorted(found, key=lambda agreement: -agreement.labels))


def _effects(store: Store) -> dict[UUID, CalibrationEffect]:
    """Return what the newest calibration changed for every judge."""
    newest = current_calibration(store)
    if newest is None:
        return {}
    return {
        effect.judge_id: CalibrationEffect(
            newest.method.value,
            effect.rps_raw,
            effect.rps_calibrated,
            effect.mae_raw,
            effect.mae_calibrated,
            effect.intervals,
        )
        for effect in newest.judges
    }


def _notices(labels: Sequence[LabelledGrade], judged: set[UUID], gone: int) -> tuple[str, ...]:
    if not labels and not gone:
        return ("There are no labels yet: nothing to compare judges with.",)
    opposite = f"grades of two people {OPPOSITE} or more apart; each grade counts."
    return count_sentences(
        (
            (
                gone,
                "label is on a pair that is gone; no figure counts it.",
                "labels are on pairs that are gone; no figure counts them.",
            ),
            (
                sum(not can_be_weighted(label) for label in labels),
                "label comes from a queue that picks on purpose; judges' figures leave it out.",
                "labels come from a queue that picks on purpose; judges' figures leave them out.",
            ),
            (
                sum(label.judgment_gone for label in labels),
                "label names a judgment that is gone; it is compared with what judges say now.",
                "labels name a judgment that is gone; they are compared with what judges say now.",
            ),
            (
                sum(label.pair not in judged for label in labels),
                "label is on a pair that no judge has scored; it cannot be compared.",
                "labels are on pairs that no judge has scored; they cannot be compared.",
            ),
            (opposite_grades(labels), f"pair has {opposite}", f"pairs have {opposite}"),
        )
    )
