"""One judge against people.

Whether seeing the judge's score pulls a person towards it.

What all judged pairs are worth, from few labels and all judgments.

When to stop labelling: how many more labels make the kappa's interval narrow enough.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from core.records import GOOD_GRADE, GRADES, Estimate
from core.stats import estimate, resampled_sums
from labels.agreement.figures import agreement_figures, exact, mean_distance, tables_by_group
from labels.agreement.labelled import effective_number, query_numbers
from labels.agreement.ppi import JudgedSums, LabelledValues, mean_estimate
from labels.agreement.records import (
    Anchoring,
    CorpusFigures,
    JudgeAgreement,
    PoweredEstimate,
    ReliabilityPoint,
    StopAdvice,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from numpy.typing import NDArray

    from core.records import Judge
    from core.store.database import Store
    from labels.agreement.labelled import Comparison

    Tables = NDArray[np.float64]

_FEWEST_BLIND: Final = 10


def anchoring(compared: Sequence[Comparison]) -> Anchoring:
    """Return agreement shown minus agreement blind, over labels given beside this judge's ruling.

    Which pairs are shown blind is chance, so the difference is what the sight of the score does.
    """
    beside = [one for one in compared if one.seen]
    hidden = np.array([one.label.hidden for one in beside], dtype=bool)
    blind = int(hidden.sum())
    shown = len(beside) - blind
    if min(shown, blind) < _FEWEST_BLIND:
        unknown = Estimate(
            reason=f"{shown} grades with the score in sight and {blind} blind;"
            f" {_FEWEST_BLIND} of each are needed"
        )
        return Anchoring(shown, blind, unknown, unknown)
    queries = query_numbers([one.label for one in beside])
    scores = np.array([one.ruling.score for one in beside])
    grades = np.array([one.label.grade for one in beside])
    weights = np.array([one.weight for one in beside])
    tables = np.stack(
        [tables_by_group(scores, grades, weights * side, queries) for side in (~hidden, hidden)],
        axis=1,
    )
    resampled = resampled_sums(tables)
    return Anchoring(
        shown,
        blind,
        estimate(_difference(exact), tables, resampled),
        estimate(_difference(mean_distance), tables, resampled),
    )


def _difference(
    figure: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    return lambda tables: figure(tables[:, 0]) - figure(tables[:, 1])


_GRADES: Final = np.arange(1, 6)
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
    scored_good = labelled.scores >= GOOD_GRADE
    unknown = ""
    if not counts_good.any():
        unknown = f"the judge gave no pair a {GOOD_GRADE} or more"
    elif not scored_good.any():
        unknown = f"no label is on a pair that the judge gave a {GOOD_GRADE} or more"
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
        good=np.array([(values >= GOOD_GRADE).mean() for values in grades]),
        expected=chances @ _GRADES,
        expected_good=chances[:, GOOD_GRADE - 1 :].sum(axis=1),
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


TARGET: Final = 0.05
#: Numbers above are rounded to two digits: a guess should not look exact.
_EXACT_UP_TO: Final = 20


def stop_advice(kappa: Estimate, labels: int, pairs: int, target: float = TARGET) -> StopAdvice:
    """Return how many more labels until the interval of kappa is +-``target``.

    An interval narrows with the root of the number of labels, so n labels with half a width of h
    must become n * (h / target) ** 2.

    Args:
        kappa: as it stands.
        labels: how many it was computed from.
        pairs: how many the judge scored: there cannot be more to label.
        target: half the width that is wanted.
    """
    if kappa.low is None or kappa.high is None:
        reason = kappa.reason or "there is no interval yet"
        return StopAdvice(
            None, target, f"How many more labels are needed cannot be told: {reason}."
        )
    half = (kappa.high - kappa.low) / 2
    if half <= target:
        return StopAdvice(
            0, target, f"Kappa is known to +-{half:.2f}; more labels would hardly change it."
        )
    more = _rounded(math.ceil(labels * (half / target) ** 2) - labels)
    if labels + more > pairs:
        return StopAdvice(
            more,
            target,
            f"Kappa to +-{target:g} would take about {more:,} more labels,"
            f" more than the {pairs:,} pairs judged; now it is +-{half:.2f}.",
        )
    return StopAdvice(
        more, target, f"About {more:,} more labels for +-{target:g} on kappa (now +-{half:.2f})."
    )


def _rounded(number: int) -> int:
    if number <= _EXACT_UP_TO:
        return max(1, number)
    unit = int(10 ** (len(str(number)) - 2))
    return math.ceil(number / unit) * unit


#: A share or a mean of fewer labels than this is not told.
_FEWEST: Final = 2
_PLACES: Final = range(len(GRADES))
_GRADE_VALUES: Final = np.array(GRADES, dtype=np.float64)


def judge_agreement(
    judge: Judge, compared: Sequence[Comparison], at_first: Sequence[Comparison], pairs: int
) -> JudgeAgreement:
    """Return how far the judge agrees with people.

    Args:
        judge: the judge.
        compared: its labels.
        at_first: the grade that each person first gave, before a look at the score changed it.
        pairs: how many pairs it scored, for the advice.
    """
    labels = [one.label for one in compared]
    queries = query_numbers(labels)
    weights = np.array([one.weight for one in compared])
    if len(weights):
        weights = weights / weights.mean()
    scores = [one.ruling.score for one in compared]
    grades = [label.grade for label in labels]
    tables = tables_by_group(scores, grades, weights, queries)
    counts = tables_by_group(scores, grades, np.ones(len(labels)), queries).sum(axis=0)
    resampled = resampled_sums(tables) if len(tables) else tables
    figures = agreement_figures(tables, "the judge", "people", resampled)
    return JudgeAgreement(
        judge=judge,
        labels=len(labels),
        pairs=len({label.pair for label in labels}),
        queries=len(tables),
        seen=sum(one.seen for one in compared),
        effective=effective_number(weights),
        figures=figures,
        confusion=tuple(tuple(int(cell) for cell in row) for row in counts),
        confusion_shares=_shares(tables, counts, resampled),
        reliability=_reliability(tables, counts, resampled),
        anchoring=anchoring(at_first),
        advice=stop_advice(figures["qwk"], len(labels), pairs),
    )


def _rows(tables: Tables, counts: NDArray[np.float64], score: int) -> Tables | None:
    """Return the row of one score by query; None when too few labels are in it."""
    return tables[:, score, :] if counts[score].sum() >= _FEWEST else None


def _shares(
    tables: Tables, counts: NDArray[np.float64], resampled: Tables
) -> tuple[tuple[Estimate, ...], ...]:
    found = []
    for score in _PLACES:
        rows = _rows(tables, counts, score)
        if rows is None:
            found.append((_too_few(counts[score].sum()),) * len(GRADES))
            continue
        drawn = resampled[:, score, :]
        found.append(tuple(estimate(_share(place), rows, drawn, share=True) for place in _PLACES))
    return tuple(found)


def _share(place: int) -> Callable[[Tables], NDArray[np.float64]]:
    return lambda sums: _divided(sums[:, place], sums)


def _reliability(
    tables: Tables, counts: NDArray[np.float64], resampled: Tables
) -> tuple[ReliabilityPoint, ...]:
    points = []
    for score in GRADES:
        rows = _rows(tables, counts, score - 1)
        labels = int(counts[score - 1].sum())
        mean = (
            _too_few(labels)
            if rows is None
            else estimate(_mean_grade, rows, resampled[:, score - 1, :])
        )
        points.append(ReliabilityPoint(score, labels, mean))
    return tuple(points)


def _mean_grade(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    return _divided(sums @ _GRADE_VALUES, sums)


def _divided(over: NDArray[np.float64], sums: NDArray[np.float64]) -> NDArray[np.float64]:
    under = sums.sum(axis=1)
    shares: NDArray[np.float64] = np.divide(
        over, under, out=np.full_like(over, np.nan), where=under > 0
    )
    return shares


def _too_few(labels: float) -> Estimate:
    return Estimate(reason="one label only" if labels else "no labels")
