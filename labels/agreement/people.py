"""People against each other, and each against themself."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from core.records import GRADES, Estimate
from core.stats import estimate, resampled_sums
from labels.agreement.figures import (
    FIGURES,
    agreement_figures,
    alpha_of_coincidences,
    tables_by_group,
)
from labels.agreement.labelled import query_numbers
from labels.agreement.records import OPPOSITE, AnnotatorAgreement
from labels.audit.strategies import REPEAT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from labels.agreement.labelled import LabelledGrade

    Twice = tuple[LabelledGrade, LabelledGrade]

#: A second grade sooner than this is a correction, not a second opinion.
_CORRECTION: Final = timedelta(minutes=10)


def between_annotators(labels: Sequence[LabelledGrade]) -> tuple[AnnotatorAgreement, ...]:
    """Return the agreement of each two people who graded pairs in common.

    Args:
        labels: the standing grades, one for each pair and annotator.
    """
    found: dict[tuple[str, str], list[Twice]] = defaultdict(list)
    for grades in _by_pair(labels):
        for two in combinations(sorted(grades, key=lambda label: label.annotator), 2):
            found[two[0].annotator, two[1].annotator].append(two)
    return tuple(_agreement(*names, twice) for names, twice in sorted(found.items()))


def with_themselves(events: Sequence[LabelledGrade]) -> tuple[AnnotatorAgreement, ...]:
    """Return the agreement of each person's earlier grade of a pair with their next one.

    Args:
        events: every grade that was not undone, the oldest first.
    """
    given: dict[tuple[str, UUID], list[LabelledGrade]] = defaultdict(list)
    for event in events:
        given[event.annotator, event.pair].append(event)
    found: dict[str, list[Twice]] = defaultdict(list)
    for (annotator, _), grades in given.items():
        found[annotator] += [two for two in pairwise(grades) if _second_opinion(two)]
    return tuple(_agreement(name, name, twice) for name, twice in sorted(found.items()) if twice)


def alpha_of_all(labels: Sequence[LabelledGrade]) -> Estimate:
    """Return Krippendorff's ordinal alpha over all annotators, with its interval over queries."""
    several = [grades for grades in _by_pair(labels) if len(grades) > 1]
    if not several:
        return Estimate(reason="no pair was graded by two people")
    if len(several) == 1:
        return Estimate(reason="one pair only was graded by two people, too few to tell")
    places = query_numbers([grades[0] for grades in several])
    sums = np.zeros((int(places.max()) + 1, len(GRADES), len(GRADES)))
    for place, grades in zip(places, several, strict=True):
        counts = np.bincount([label.grade - 1 for label in grades], minlength=len(GRADES))
        # Each ordered pair of grades counts 1 / (m - 1), m grades on the pair.
        sums[place] += (np.outer(counts, counts) - np.diag(counts)) / (len(grades) - 1)
    return estimate(alpha_of_coincidences, sums, resampled_sums(sums))


def opposite_grades(labels: Sequence[LabelledGrade]) -> int:
    """Return how many pairs have grades of two people that lie ``OPPOSITE`` or more apart."""
    spans = ([label.grade for label in grades] for grades in _by_pair(labels))
    return sum(max(grades) - min(grades) >= OPPOSITE for grades in spans)


def _by_pair(labels: Sequence[LabelledGrade]) -> list[list[LabelledGrade]]:
    found: dict[UUID, list[LabelledGrade]] = defaultdict(list)
    for label in labels:
        found[label.pair].append(label)
    return list(found.values())


def _second_opinion(two: Twice) -> bool:
    first, second = two
    return second.strategy == REPEAT or second.happened - first.happened >= _CORRECTION


def _agreement(first: str, second: str, twice: Sequence[Twice]) -> AnnotatorAgreement:
    queries = query_numbers([one for one, _ in twice])
    tables = tables_by_group(
        [one.grade for one, _ in twice],
        [other.grade for _, other in twice],
        np.ones(len(twice)),
        queries,
    )
    once = Estimate(reason="one pair only was graded twice, too few to tell")
    figures = dict.fromkeys(FIGURES, once) if len(twice) == 1 else {}
    names = (first, second) if first != second else ("the first time they", "the second time they")
    return AnnotatorAgreement(
        first,
        second,
        pairs=len({one.pair for one, _ in twice}),
        queries=len(tables),
        figures=figures or agreement_figures(tables, *names),
    )
