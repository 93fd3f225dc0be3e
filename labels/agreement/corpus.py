"""Figures of all pairs that a judge scored, from few labels and all judgments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from core.records import GOOD_GRADE, GRADES, Estimate
from labels.agreement.ppi import JudgedSums, LabelledValues, mean_estimate
from labels.agreement.records import CorpusFigures, PoweredEstimate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from numpy.typing import NDArray

    from core.store.database import Store
    from labels.agreement.labelled import Comparison

_GRADE_VALUES: Final = np.array(GRADES, dtype=np.float64)
_SHARE: Final = (0.0, 1.0)
#: By query: pairs, expected scores, chances of a good grade, pairs scored good, and their chances.
#: The queries without labels are one row together.
_BY_QUERY: Final = f"""
    WITH ruled AS (
        SELECT pair_id, score,
            CASE WHEN p1 IS NULL THEN score ELSE p1 + 2*p2 + 3*p3 + 4*p4 + 5*p5 END AS expected,
            CASE WHEN p1 IS NOT NULL THEN p4 + p5
                WHEN score >= {GOOD_GRADE} THEN 1 ELSE 0 END AS good
        FROM current_judgments WHERE judge_id = $1
    )
    SELECT CASE WHEN pair.query_id IN (SELECT unnest(CAST($2 AS UUID[]))) THEN pair.query_id END,
        count(*), sum(expected), sum(good),
        count(*) FILTER (score >= {GOOD_GRADE}),
        coalesce(sum(good) FILTER (score >= {GOOD_GRADE}), 0)
    FROM ruled JOIN db.pairs AS pair ON pair.id = ruled.pair_id
    GROUP BY pair.query_id
"""


@dataclass(frozen=True, slots=True)
class _LabelledPairs:
    """A judge's labelled pairs; several grades of a pair count as their mean."""

    grades: NDArray[np.float64]
    good: NDArray[np.float64]
    expected: NDArray[np.float64]
    expected_good: NDArray[np.float64]
    scores: NDArray[np.int64]
    weights: NDArray[np.float64]
    queries: NDArray[np.int64]


def corpus_figures(store: Store, judge: UUID, compared: Sequence[Comparison]) -> CorpusFigures:
    """Return the figures of every pair that the judge scored.

    Args:
        store: the store.
        judge: whose judgments fill in for missing labels.
        compared: the judge's labels, at least one.
    """
    queries = sorted({comparison.label.query for comparison in compared})
    rows = sorted(store.read(_BY_QUERY, [judge, queries]), key=lambda row: (row[0] is None, row))
    places = {row[0]: place for place, row in enumerate(rows) if row[0] is not None}
    sums = np.array([row[1:] for row in rows], dtype=np.float64).reshape(len(rows), 5)
    counts, expected, good, counts_good, good_among_good = sums.T
    labelled = _labelled_pairs(compared, places)
    return CorpusFigures(
        pairs=int(counts.sum()),
        mean_grade=_powered(
            _values(labelled, labelled.grades, labelled.expected),
            JudgedSums(expected, counts),
            (_GRADE_VALUES[0], _GRADE_VALUES[-1]),
        ),
        share_good=_powered(
            _values(labelled, labelled.good, labelled.expected_good),
            JudgedSums(good, counts),
            _SHARE,
        ),
        precision_good=_precision(labelled, JudgedSums(good_among_good, counts_good)),
    )


def _labelled_pairs(compared: Sequence[Comparison], places: dict[UUID, int]) -> _LabelledPairs:
    by_pair: dict[UUID, list[Comparison]] = {}
    for comparison in compared:
        if comparison.label.query in places:
            by_pair.setdefault(comparison.label.pair, []).append(comparison)
    pairs = list(by_pair.values())
    chances = np.array([pair[0].ruling.chances for pair in pairs]).reshape(-1, len(GRADES))
    grades = [np.array([comparison.label.grade for comparison in pair]) for pair in pairs]
    return _LabelledPairs(
        grades=np.array([values.mean() for values in grades]),
        good=np.array([(values >= GOOD_GRADE).mean() for values in grades]),
        expected=chances @ _GRADE_VALUES,
        expected_good=chances[:, GOOD_GRADE - 1 :].sum(axis=1),
        scores=np.array([pair[0].ruling.score for pair in pairs], dtype=np.int64),
        weights=np.array([np.mean([compared.weight for compared in pair]) for pair in pairs]),
        queries=np.array([places[pair[0].label.query] for pair in pairs], dtype=np.int64),
    )


def _precision(labelled: _LabelledPairs, judged: JudgedSums) -> PoweredEstimate:
    """Return the share of good pairs among those that the judge scored good."""
    scored_good = labelled.scores >= GOOD_GRADE
    reason = ""
    if not judged.counts.any():
        reason = f"the judge gave no pair a {GOOD_GRADE} or more"
    elif not scored_good.any():
        reason = f"no label is on a pair that the judge gave a {GOOD_GRADE} or more"
    if reason:
        return PoweredEstimate(Estimate(reason=reason), Estimate(reason=reason))
    values = _values(labelled, labelled.good, labelled.expected_good, scored_good)
    return _powered(values, judged, _SHARE)


def _values(
    labelled: _LabelledPairs,
    truth: NDArray[np.float64],
    predicted: NDArray[np.float64],
    chosen: NDArray[np.bool_] | None = None,
) -> LabelledValues:
    if chosen is None:
        chosen = np.ones(len(truth), dtype=bool)
    return LabelledValues(
        truth[chosen], predicted[chosen], labelled.weights[chosen], labelled.queries[chosen]
    )


def _powered(
    labelled: LabelledValues, judged: JudgedSums, bounds: tuple[float, float]
) -> PoweredEstimate:
    powered, power = mean_estimate(labelled, judged, bounds)
    labels_only, _ = mean_estimate(labelled, judged, bounds, power=0.0)
    return PoweredEstimate(powered, labels_only, power)
