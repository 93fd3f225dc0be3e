"""Agreement of annotators with each other, and of each with their own earlier grades."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from core.records import GRADES, Estimate
from core.stats import bootstrap_estimate, bootstrap_totals
from labels.agreement.figures import (
    FIGURES,
    agreement_figures,
    alpha_of_coincidences,
    perfect_agreement,
    tables_by_group,
)
from labels.agreement.labelled import query_numbers
from labels.agreement.records import OPPOSITE, AnnotatorAgreement
from labels.audit.strategies import REPEAT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from numpy.typing import NDArray

    from labels.agreement.labelled import LabelledGrade

    TwoGrades = tuple[LabelledGrade, LabelledGrade]

#: A second grade sooner than this is a correction, not a second opinion.
_CORRECTION: Final = timedelta(minutes=10)


def between_annotators(labels: Sequence[LabelledGrade]) -> tuple[AnnotatorAgreement, ...]:
    """Return the agreement of every two annotators who graded pairs in common.

    Args:
        labels: current grades, one per pair and annotator.
    """
    found: dict[tuple[str, str], list[TwoGrades]] = defaultdict(list)
    for grades in _by_pair(labels):
        for two in combinations(sorted(grades, key=lambda label: label.annotator), 2):
            found[two[0].annotator, two[1].annotator].append(two)
    return tuple(_agreement(*names, twice) for names, twice in sorted(found.items()))


def with_themselves(events: Sequence[LabelledGrade]) -> tuple[AnnotatorAgreement, ...]:
    """Return the agreement of each annotator's grades with their next grades of the same pairs.

    Args:
        events: every grade that was not undone, oldest first.
    """
    given: dict[tuple[str, UUID], list[LabelledGrade]] = defaultdict(list)
    for event in events:
        given[event.annotator, event.pair].append(event)
    found: dict[str, list[TwoGrades]] = defaultdict(list)
    for (annotator, _), grades in given.items():
        found[annotator] += [two for two in pairwise(grades) if _is_second_opinion(two)]
    return tuple(_agreement(name, name, twice) for name, twice in sorted(found.items()) if twice)


def alpha_of_all(labels: Sequence[LabelledGrade]) -> Estimate:
    """Return Krippendorff's ordinal alpha over all annotators, with its interval over queries."""
    several = [grades for grades in _by_pair(labels) if len(grades) > 1]
    if not several:
        return Estimate(reason="no pair was graded by two people")
    if len(several) == 1:
        return Estimate(reason="only one pair was graded by two people, too few")
    places = query_numbers([grades[0] for grades in several])
    sums = np.zeros((int(places.max()) + 1, len(GRADES), len(GRADES)))
    for place, grades in zip(places, several, strict=True):
        counts = np.bincount([label.grade - 1 for label in grades], minlength=len(GRADES))
        # Every ordered pair of a pair's m grades counts 1 / (m - 1).
        sums[place] += (np.outer(counts, counts) - np.diag(counts)) / (len(grades) - 1)
    total = sums.sum(axis=0)
    given = np.count_nonzero(total)
    if given > 1 and given == np.count_nonzero(np.diag(total)):
        return perfect_agreement(_alpha_of_either_order, total, len(sums))
    return bootstrap_estimate(alpha_of_coincidences, sums, bootstrap_totals(sums))


def _alpha_of_either_order(tables: NDArray[np.float64]) -> NDArray[np.float64]:
    return alpha_of_coincidences((tables + np.swapaxes(tables, -1, -2)) / 2)


def opposite_grades(labels: Sequence[LabelledGrade]) -> int:
    """Return how many pairs have grades of two people ``OPPOSITE`` or more apart."""
    pairs = ([label.grade for label in grades] for grades in _by_pair(labels))
    return sum(max(grades) - min(grades) >= OPPOSITE for grades in pairs)


def _by_pair(labels: Sequence[LabelledGrade]) -> list[list[LabelledGrade]]:
    found: dict[UUID, list[LabelledGrade]] = defaultdict(list)
    for label in labels:
        found[label.pair].append(label)
    return list(found.values())


def _is_second_opinion(two: TwoGrades) -> bool:
    first, second = two
    return second.strategy == REPEAT or second.happened - first.happened >= _CORRECTION


def _agreement(first: str, second: str, twice: Sequence[TwoGrades]) -> AnnotatorAgreement:
    queries = query_numbers([label for label, _ in twice])
    tables = tables_by_group(
        [label.grade for label, _ in twice],
        [label.grade for _, label in twice],
        np.ones(len(twice)),
        queries,
    )
    if len(twice) == 1:
        too_few = Estimate(reason="only one pair was graded twice, too few")
        figures = dict.fromkeys(FIGURES, too_few)
    elif first == second:
        figures = agreement_figures(tables, "the first time they", "the second time they")
    else:
        figures = agreement_figures(tables, first, second)
    pairs = len({label.pair for label, _ in twice})
    return AnnotatorAgreement(first, second, pairs, len(tables), figures)
