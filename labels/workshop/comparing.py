"""Two judges compared with people on the same audited pairs: the effect of a new prompt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from core.records import Estimate
from core.stats import bootstrap_interval, bootstrap_totals, contributing_queries
from core.store.tables import documents_by_id, pairs_by_id, queries_by_id
from labels.agreement.figures import FIGURES, agreement_figures, tables_by_group
from labels.agreement.labelled import (
    comparisons,
    deciding_grades,
    query_numbers,
    rulings_on_labelled,
)
from labels.agreement.weights import weighted_labels

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from uuid import UUID

    from numpy.typing import NDArray

    from core.records import Judge
    from core.store.database import Store
    from labels.agreement.labelled import Comparison, LabelledGrade

    _ByLabel = Mapping[UUID, Comparison]

    _Shared = Sequence[tuple[Comparison, Comparison]]

#: The figures of which the difference is estimated.
DIFFERENCES: Final = ("qwk", "exact", "within_one", "bias", "mae")


@dataclass(frozen=True, slots=True)
class ChangedPair:
    """An audited pair that two judges scored differently. ``grades`` are people's, sorted."""

    pair_id: UUID
    query: str
    path: str
    symbol: str
    grades: tuple[int, ...]
    old: int
    new: int

    @property
    def nearer(self) -> float:
        """How much nearer the new score is to the mean grade; negative: farther."""
        mean = sum(self.grades) / len(self.grades)
        return abs(self.old - mean) - abs(self.new - mean)


@dataclass(frozen=True, slots=True)
class JudgeComparison:
    """Two judges on the same labels, those of pairs that both scored.

    The figures rest on ``labels`` grades of ``pairs`` pairs under ``queries`` queries; ``left_out``
    more labels cannot be weighted and only count among ``changed``. ``differences`` are the new
    judge's figures minus the old one's, with intervals from the same resamples of queries for both.
    ``changed`` has the largest change first.
    """

    old: Judge
    new: Judge
    labels: int
    pairs: int
    queries: int
    left_out: int
    old_figures: Mapping[str, Estimate]
    new_figures: Mapping[str, Estimate]
    differences: Mapping[str, Estimate]
    changed: tuple[ChangedPair, ...]

    @property
    def nearer(self) -> int:
        """How many changed pairs moved towards people."""
        return sum(pair.nearer > 0 for pair in self.changed)

    @property
    def farther(self) -> int:
        """How many changed pairs moved away from people."""
        return sum(pair.nearer < 0 for pair in self.changed)


def compare_judges(
    store: Store, old: Judge, new: Judge, pairs: Collection[UUID] | None = None
) -> JudgeComparison:
    """Return how two judges agree with people on the same labels.

    Args:
        store: the store.
        old: the first judge.
        new: the judge that is compared with it.
        pairs: only labels of these pairs; None: of all pairs that both scored.
    """
    every = deciding_grades(store)
    labels, weights = weighted_labels(store, every)
    rulings = rulings_on_labelled(store)
    chosen = None if pairs is None else set(pairs)

    def of(judge: Judge, which: Sequence[LabelledGrade], by: NDArray[np.float64]) -> _ByLabel:
        found = comparisons(judge.id, which, by, rulings.get(judge.id, {}))
        return {one.label.event: one for one in found if chosen is None or one.label.pair in chosen}

    weighted = _both(of(old, labels, weights), of(new, labels, weights))
    unweighted = np.ones(len(every))
    shared = _both(of(old, every, unweighted), of(new, every, unweighted))
    numbers = query_numbers([one.label for one, _ in weighted])
    tables = _tables(weighted, numbers)
    drawn = bootstrap_totals(tables) if len(tables) else tables
    figures = [
        agreement_figures(tables[:, place], "the judge", "people", drawn[:, place])
        for place in range(2)
    ]
    return JudgeComparison(
        old=old,
        new=new,
        labels=len(weighted),
        pairs=len({one.label.pair for one, _ in weighted}),
        queries=len(tables),
        left_out=len(shared) - len(weighted),
        old_figures=figures[0],
        new_figures=figures[1],
        differences=_differences(tables, drawn, *figures),
        changed=_changed(store, shared),
    )


def _both(old: _ByLabel, new: _ByLabel) -> list[tuple[Comparison, Comparison]]:
    return [(one, new[event]) for event, one in old.items() if event in new]


def _tables(shared: _Shared, queries: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the tables of both judges, shape (queries, 2, 5, 5)."""
    weights = np.array([one.weight for one, _ in shared])
    if len(weights):
        weights = weights / weights.mean()
    grades = [one.label.grade for one, _ in shared]
    both = [
        tables_by_group([pair[place].ruling.score for pair in shared], grades, weights, queries)
        for place in range(2)
    ]
    return np.stack(both, axis=1)


def _differences(
    tables: NDArray[np.float64],
    drawn: NDArray[np.float64],
    old: Mapping[str, Estimate],
    new: Mapping[str, Estimate],
) -> dict[str, Estimate]:
    found = {}
    for name in DIFFERENCES:
        first, second = old[name], new[name]
        if first.value is None or second.value is None:
            found[name] = Estimate(reason=second.reason or first.reason)
            continue
        figure = FIGURES[name]
        found[name] = bootstrap_interval(
            second.value - first.value,
            figure(drawn[:, 1]) - figure(drawn[:, 0]),
            contributing_queries(tables),
        )
    return found


def _changed(store: Store, shared: _Shared) -> tuple[ChangedPair, ...]:
    scores: dict[UUID, tuple[int, int]] = {}
    grades: dict[UUID, list[int]] = {}
    for old, new in shared:
        if old.ruling.score != new.ruling.score:
            scores[old.label.pair] = (old.ruling.score, new.ruling.score)
            grades.setdefault(old.label.pair, []).append(old.label.grade)
    pairs = pairs_by_id(store, list(scores)).values()
    queries = queries_by_id(store, [pair.query_id for pair in pairs])
    documents = documents_by_id(store, [pair.document_id for pair in pairs])
    found = [
        ChangedPair(
            pair.id,
            queries[pair.query_id].text,
            documents[pair.document_id].path,
            documents[pair.document_id].symbol,
            tuple(sorted(grades[pair.id])),
            *scores[pair.id],
        )
        for pair in pairs
    ]
    return tuple(sorted(found, key=lambda one: (-abs(one.new - one.old), one.nearer, one.pair_id)))
