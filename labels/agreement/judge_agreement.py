"""One judge against people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from core.records import GRADES
from labels.agreement.agreement_figures import agreement_figures
from labels.agreement.anchoring import anchoring
from labels.agreement.compared import query_numbers
from labels.agreement.confusion_figures import tables_by_group
from labels.agreement.query_bootstrap import estimate, resampled_sums
from labels.agreement.records import Estimate, JudgeAgreement, ReliabilityPoint
from labels.agreement.stop_advice import stop_advice
from labels.agreement.weights import effective_number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from core.records import Judge
    from labels.agreement.compared import Comparison

    Tables = NDArray[np.float64]

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
