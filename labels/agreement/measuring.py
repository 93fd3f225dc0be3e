"""All that can be said of judges and annotators in a store, in one report."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from core.errors import InputError
from labels.agreement.annotators import (
    alpha_of_all,
    between_annotators,
    opposite_grades,
    with_themselves,
)
from labels.agreement.compared import comparisons
from labels.agreement.corpus_figures import corpus_figures
from labels.agreement.judge_agreement import judge_agreement
from labels.agreement.labelled import (
    current_grades,
    deciding_grades,
    first_grades,
    labels_without_pair,
    rulings_on_labelled,
    standing_grades,
    stratum_sizes,
)
from labels.agreement.notices import counting_sentences
from labels.agreement.records import OPPOSITE, AgreementReport, CalibrationEffect
from labels.agreement.weights import can_be_weighted, label_weights
from labels.audited_judge import scored_pairs
from labels.calibration.calibration_store import current_calibration
from labels.judgments import all_judges

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from core.records import Judge
    from core.store import Store
    from labels.agreement.labelled import LabelledGrade


def measure_agreement(store: Store, judge_name: str = "") -> AgreementReport:
    """Return how far judges and people agree, the most compared judge first.

    Args:
        store: the store.
        judge_name: only the judges of this name; empty for all.

    Raises:
        InputError: no judge has that name.
    """
    judges = _judges(store, judge_name)
    own, every = current_grades(store), deciding_grades(store)
    labels = [label for label in every if can_be_weighted(label)]
    weights = label_weights(labels, stratum_sizes(store, labels))
    first = {(label.pair, label.annotator): label for label in first_grades(store)}
    firsts = [first[label.pair, label.annotator] for label in labels]
    scored_by = scored_pairs(store)
    rulings = rulings_on_labelled(store)
    effects = _effects(store)
    found = []
    for judge in judges:
        ruled = rulings.get(judge.id, {})
        compared = comparisons(judge.id, labels, weights, ruled)
        at_first = comparisons(judge.id, firsts, weights, ruled)
        scored = scored_by.get(judge.id, 0)
        agreement = replace(
            judge_agreement(judge, compared, at_first, scored), calibration=effects.get(judge.id)
        )
        if compared and scored:
            agreement = replace(agreement, corpus=corpus_figures(store, judge.id, compared))
        found.append(agreement)
    return AgreementReport(
        judges=tuple(sorted(found, key=lambda one: -one.labels)),
        annotators=between_annotators(own),
        themselves=with_themselves(standing_grades(store)),
        alpha=alpha_of_all(own),
        notices=_notices(
            every,
            {pair for by_pair in rulings.values() for pair in by_pair},
            labels_without_pair(store),
        ),
    )


def _effects(store: Store) -> dict[UUID, CalibrationEffect]:
    """Return what the latest calibration did for each judge."""
    latest = current_calibration(store)
    if latest is None:
        return {}
    return {
        one.judge_id: CalibrationEffect(
            latest.method.value,
            one.rps_raw,
            one.rps_calibrated,
            one.mae_raw,
            one.mae_calibrated,
            one.intervals,
        )
        for one in latest.judges
    }


def _judges(store: Store, name: str) -> list[Judge]:
    judges = all_judges(store)
    named = [judge for judge in judges if name in ("", judge.name)]
    if name and not named:
        known = ", ".join(sorted({judge.name for judge in judges})) or "none yet"
        raise InputError(f"there is no judge {name}", todo=f"Judges of this workspace: {known}.")
    return named


def _notices(labels: Sequence[LabelledGrade], judged: set[UUID], gone: int) -> tuple[str, ...]:
    if not labels and not gone:
        return ("There are no labels yet: nothing to compare judges with.",)
    return counting_sentences(
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
            (
                opposite_grades(labels),
                f"pair has grades of two people {OPPOSITE} or more apart; each grade counts.",
                f"pairs have grades of two people {OPPOSITE} or more apart; each grade counts.",
            ),
        )
    )
