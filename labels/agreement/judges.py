"""A judge against people: figures, confusion, anchoring, and how many more labels it takes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from core.records import GRADES, Estimate
from core.stats import bootstrap_estimate, bootstrap_totals
from labels.agreement.figures import (
    agreement_figures,
    exact,
    mean_distance,
    ratio,
    tables_by_group,
)
from labels.agreement.labelled import query_numbers
from labels.agreement.records import Anchoring, JudgeAgreement, ReliabilityPoint, StopAdvice
from labels.agreement.weights import effective_number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from core.records import Judge
    from labels.agreement.labelled import Comparison

    Floats = NDArray[np.float64]

TARGET: Final = 0.05
_MIN_BLIND: Final = 10
#: A score with fewer labels has no shares and no mean.
_MIN_LABELS_A_SCORE: Final = 2
#: Larger numbers of labels are rounded to two digits: they are guesses.
_EXACT_UP_TO: Final = 20
_GRADE_VALUES: Final = np.array(GRADES, dtype=np.float64)


def judge_agreement(
    judge: Judge, compared: Sequence[Comparison], at_first: Sequence[Comparison], pairs: int
) -> JudgeAgreement:
    """Return how far the judge agrees with people.

    Args:
        judge: the judge.
        compared: its labels.
        at_first: the same with the grade that each person gave first, before any correction.
        pairs: how many pairs the judge scored.
    """
    labels = [comparison.label for comparison in compared]
    queries = query_numbers(labels)
    weights = np.array([comparison.weight for comparison in compared])
    if weights.any():
        weights = weights / weights.mean()
    scores = [comparison.ruling.score for comparison in compared]
    grades = [label.grade for label in labels]
    tables = tables_by_group(scores, grades, weights, queries)
    counts = tables_by_group(scores, grades, np.ones(len(labels)), queries).sum(axis=0)
    resampled = bootstrap_totals(tables) if len(tables) else tables
    figures = agreement_figures(tables, "the judge", "people", resampled)
    return JudgeAgreement(
        judge=judge,
        labels=len(labels),
        pairs=len({label.pair for label in labels}),
        queries=len(tables),
        seen=sum(comparison.seen for comparison in compared),
        effective=effective_number(weights),
        figures=figures,
        confusion=tuple(tuple(int(cell) for cell in row) for row in counts),
        confusion_shares=tuple(
            _shares(tables[:, row], int(counts[row].sum()), resampled[:, row])
            for row in range(len(GRADES))
        ),
        reliability=tuple(
            _reliability(score, tables[:, row], int(counts[row].sum()), resampled[:, row])
            for row, score in enumerate(GRADES)
        ),
        anchoring=anchoring(at_first),
        advice=stop_advice(figures["qwk"], len(labels), pairs),
    )


def _shares(rows: Floats, labels: int, resampled: Floats) -> tuple[Estimate, ...]:
    """Return the share of every grade under one score; ``rows`` has shape (queries, 5)."""
    if labels < _MIN_LABELS_A_SCORE:
        return (_too_few(labels),) * len(GRADES)
    return tuple(
        bootstrap_estimate(_share_of(column), rows, resampled, bounds=(0.0, 1.0))
        for column in range(len(GRADES))
    )


def _share_of(column: int) -> Callable[[Floats], Floats]:
    return lambda sums: ratio(sums[:, column], sums.sum(axis=1))


def _reliability(score: int, rows: Floats, labels: int, resampled: Floats) -> ReliabilityPoint:
    if labels < _MIN_LABELS_A_SCORE:
        return ReliabilityPoint(score, labels, _too_few(labels))
    bounds = (float(GRADES[0]), float(GRADES[-1]))
    mean = bootstrap_estimate(_mean_grade, rows, resampled, bounds=bounds)
    return ReliabilityPoint(score, labels, mean)


def _mean_grade(sums: Floats) -> Floats:
    return ratio(sums @ _GRADE_VALUES, sums.sum(axis=1))


def _too_few(labels: int) -> Estimate:
    return Estimate(reason="one label only" if labels else "no labels")


def anchoring(compared: Sequence[Comparison]) -> Anchoring:
    """Return agreement shown minus agreement blind, over labels given with the ruling at hand.

    Which pairs are blind is decided at random, so the difference is the effect of the score.
    """
    compared = [comparison for comparison in compared if comparison.seen]
    hidden = np.array([comparison.label.hidden for comparison in compared], dtype=bool)
    blind = int(hidden.sum())
    shown = len(compared) - blind
    if min(shown, blind) < _MIN_BLIND:
        unknown = Estimate(
            reason=f"not enough data yet: {shown} graded with the score shown and {blind} blind,"
            f" {_MIN_BLIND} of both are needed"
        )
        return Anchoring(shown, blind, unknown, unknown)
    queries = query_numbers([comparison.label for comparison in compared])
    scores = np.array([comparison.ruling.score for comparison in compared])
    grades = np.array([comparison.label.grade for comparison in compared])
    weights = np.array([comparison.weight for comparison in compared])
    tables = np.stack(
        [tables_by_group(scores, grades, weights * side, queries) for side in (~hidden, hidden)],
        axis=1,
    )
    resampled = bootstrap_totals(tables)
    return Anchoring(
        shown,
        blind,
        bootstrap_estimate(_shown_minus_blind(exact), tables, resampled),
        bootstrap_estimate(_shown_minus_blind(mean_distance), tables, resampled),
    )


def _shown_minus_blind(figure: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
    return lambda tables: figure(tables[:, 0]) - figure(tables[:, 1])


def stop_advice(kappa: Estimate, labels: int, pairs: int, target: float = TARGET) -> StopAdvice:
    """Return how many more labels narrow the interval of kappa to +-``target``.

    An interval narrows with the square root of the number of labels, so n labels with a half-width
    of h must become n * (h / target) ** 2.

    Args:
        kappa: as it stands.
        labels: how many it was computed from.
        pairs: how many the judge scored; no more can be labelled.
        target: the half-width wanted.
    """
    if kappa.low is None or kappa.high is None:
        reason = kappa.reason or "there is no interval yet"
        return StopAdvice(None, target, f"More labels needed: unknown, because {reason}.")
    half = (kappa.high - kappa.low) / 2
    if half <= target:
        sentence = f"Kappa is known to +-{half:.2f}; more labels would hardly change it."
        return StopAdvice(0, target, sentence)
    more = _rounded(math.ceil(labels * (half / target) ** 2) - labels)
    if labels + more > pairs:
        sentence = (
            f"Kappa to +-{target:g} would take about {more:,} more labels,"
            f" more than the {pairs:,} pairs judged; now it is +-{half:.2f}."
        )
    else:
        sentence = f"About {more:,} more labels for +-{target:g} on kappa (now +-{half:.2f})."
    return StopAdvice(more, target, sentence)


def _rounded(number: int) -> int:
    if number <= _EXACT_UP_TO:
        return max(1, number)
    unit = int(10 ** (len(str(number)) - 2))
    return math.ceil(number / unit) * unit
