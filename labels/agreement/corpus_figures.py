"""What all judged pairs are worth, from few labels and all judgments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from labels.agreement.prediction_powered import JudgedSums, LabelledValues, mean_estimate
from labels.agreement.records import CorpusFigures, Estimate, PoweredEstimate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from numpy.typing import NDArray

    from core.store import Store
    from labels.agreement.compared import Comparison

#: Grades from here up count as good.
GOOD: Final = 4
_GRADES: Final = np.arange(1, 6)

_BY_QUERY: Final = f"""
    WITH ruled AS (
        SELECT pair_id, score,
            CASE WHEN p1 IS NULL THEN score ELSE p1 + 2*p2 + 3*p3 + 4*p4 + 5*p5 END AS expected,
            CASE WHEN p1 IS NOT NULL THEN p4 + p5 WHEN score >= {GOOD} THEN 1 ELSE 0 END AS good
        FROM current_judgments WHERE judge_id = $1
    )
    SELECT CASE WHEN pair.query_id IN (SELECT unnest(CAST($2 AS UUID[]))) THEN pair.query_id END,
        count(*), sum(expected), sum(good),
        count(*) FILTER (score >= {GOOD}), coalesce(sum(good) FILTER (score >= {GOOD}), 0)
    FROM ruled JOIN db.pairs AS pair ON pair.id = ruled.pair_id
    GROUP BY pair.query_id
"""


@dataclass(frozen=True, slots=True)
class _Labelled:
    """The labelled pairs of one judge; several grades of a pair count as its mean together."""

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
        judge: whose judgments stand in for the missing labels.
        compared: the judge's labels, at least one.
    """
    queries = sorted({one.label.query for one in compared})
    rows = sorted(store.read(_BY_QUERY, [judge, queries]), key=lambda row: (row[0] is None, row))
    places = {row[0]: place for place, row in enumerate(rows) if row[0] is not None}
    sums = np.array([row[1:] for row in rows], dtype=np.float64).reshape(len(rows), 5)
    counts, expected, good, counts_good, good_among_good = sums.T
    labelled = _labelled(compared, places)
    scored_good = labelled.scores >= GOOD
    unknown = ""
    if not counts_good.any():
        unknown = f"the judge gave no pair a {GOOD} or more"
    elif not scored_good.any():
        unknown = f"no label is on a pair that the judge gave a {GOOD} or more"
    return CorpusFigures(
        pairs=int(counts.sum()),
        mean_grade=_powered(
            _values(labelled, labelled.grades, labelled.expected),
            JudgedSums(expected, counts),
            (1.0, 5.0),
        ),
        share_good=_powered(
            _values(labelled, labelled.good, labelled.expected_good),
            JudgedSums(good, counts),
            (0.0, 1.0),
        ),
        precision_good=_reasoned(unknown)
        if unknown
        else _powered(
            _values(labelled, labelled.good, labelled.expected_good, scored_good),
            JudgedSums(good_among_good, counts_good),
            (0.0, 1.0),
        ),
    )


def _labelled(compared: Sequence[Comparison], places: dict[UUID, int]) -> _Labelled:
    by_pair: dict[UUID, list[Comparison]] = {}
    for one in compared:
        if one.label.query in places:
            by_pair.setdefault(one.label.pair, []).append(one)
    pairs = list(by_pair.values())
    chances = np.array([pair[0].ruling.chances for pair in pairs]).reshape(-1, len(_GRADES))
    grades = [np.array([one.label.grade for one in pair]) for pair in pairs]
    return _Labelled(
        grades=np.array([values.mean() for values in grades]),
        good=np.array([(values >= GOOD).mean() for values in grades]),
        expected=chances @ _GRADES,
        expected_good=chances[:, GOOD - 1 :].sum(axis=1),
        scores=np.array([pair[0].ruling.score for pair in pairs], dtype=np.int64),
        weights=np.array([np.mean([one.weight for one in pair]) for pair in pairs]),
        queries=np.array([places[pair[0].label.query] for pair in pairs], dtype=np.int64),
    )


def _values(
    labelled: _Labelled,
    truth: NDArray[np.float64],
    predicted: NDArray[np.float64],
    among: NDArray[np.bool_] | None = None,
) -> LabelledValues:
    chosen = np.ones(len(truth), dtype=bool) if among is None else among
    return LabelledValues(
        truth[chosen], predicted[chosen], labelled.weights[chosen], labelled.queries[chosen]
    )


def _reasoned(reason: str) -> PoweredEstimate:
    return PoweredEstimate(Estimate(reason=reason), Estimate(reason=reason))


def _powered(
    labelled: LabelledValues, judged: JudgedSums, bounds: tuple[float, float]
) -> PoweredEstimate:
    powered, power = mean_estimate(labelled, judged, bounds)
    labels_only, _ = mean_estimate(labelled, judged, bounds, power=0.0)
    return PoweredEstimate(powered, labels_only, power)
