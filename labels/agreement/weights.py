"""Label weights, so that figures describe all judged pairs and not what the queue preferred.

An annotator's labels are up to three samples, each scaled to the number of its labels:

- Drawn with a known chance: LURE weights. The m-th of M draws from N pairs, taken with chance q_m,
  counts v_m = 1 + (N - M) / (N - m) * (1 / ((N - m + 1) q_m) - 1). The mean is unbiased however
  the chances followed from earlier labels, and exact once all N pairs are labelled (Farquhar, Gal
  and Rainforth, On Statistical Bias in Active Learning: How and When To Fix It, ICLR 2021).
- Stratified by score: a score's pairs over its labels (post-stratification).
- Given without a queue: 1.

A label of a pair that was picked on purpose, with no chance known, has weight 0: nothing can weight
it back.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias
from uuid import UUID

import numpy as np

from labels.audit.strategies import REPEAT, STRATIFIED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from core.store.database import Store
    from labels.agreement.labelled import LabelledGrade

#: A judge and a score.
Stratum: TypeAlias = tuple[UUID, int]
#: Draws that need no chance: every pair was as likely, or the label came without a queue.
_EVEN: Final = frozenset({None, "", "random", REPEAT})


@dataclass(frozen=True, slots=True)
class Pool:
    """What labels were drawn from.

    Attributes:
        pairs: how many pairs the audited judges scored; 0 if no label needs it.
        strata: how many pairs each judge gave each score; empty if no label needs it.
    """

    pairs: int = 0
    strata: Mapping[Stratum, int] = field(default_factory=dict)


def weighted_labels(
    store: Store, labels: Sequence[LabelledGrade]
) -> tuple[list[LabelledGrade], NDArray[np.float64]]:
    """Return the labels that figures may use, and their weights.

    Args:
        store: the store.
        labels: all current labels.
    """
    weights = label_weights(labels, read_pool(store, labels))
    usable = np.array([can_be_weighted(label) for label in labels], dtype=bool)
    return [label for label in labels if can_be_weighted(label)], weights[usable]


def read_pool(store: Store, labels: Sequence[LabelledGrade]) -> Pool:
    """Return the pool of these labels as it is now."""
    pairs, strata = 0, dict[Stratum, int]()
    if any(label.chance is not None for label in labels):
        judges = sorted({label.seen[0] for label in labels if label.seen is not None})
        ((pairs,),) = store.read(
            "SELECT count(DISTINCT pair_id) FROM db.judgments WHERE score IS NOT NULL"
            " AND (len($1) = 0 OR judge_id IN (SELECT unnest(CAST($1 AS UUID[]))))",
            [judges],
        )
    if any(label.strategy == STRATIFIED for label in labels):
        rows = store.read("SELECT judge_id, score, count(*) FROM current_judgments GROUP BY ALL")
        strata = {(judge, score): count for judge, score, count in rows}
    return Pool(pairs, strata)


def can_be_weighted(label: LabelledGrade) -> bool:
    """Tell whether figures may use the label."""
    return label.chance is not None or label.strategy in _EVEN or label.strategy == STRATIFIED


def label_weights(labels: Sequence[LabelledGrade], pool: Pool) -> NDArray[np.float64]:
    """Return the weight of every label; the mean of those that can be weighted is 1.

    Args:
        labels: all current labels, those that cannot be weighted too: they left the pool.
        pool: what they were drawn from.
    """
    usable = np.array([can_be_weighted(label) for label in labels], dtype=bool)
    weights = usable * _without_chance(labels, pool)
    by_annotator: dict[str, list[int]] = defaultdict(list)
    for place, label in enumerate(labels):
        by_annotator[label.annotator].append(place)
    for places in by_annotator.values():
        places.sort(key=lambda place: (labels[place].drawn, labels[place].event))
        own = [labels[place] for place in places]
        drawn = sum(label.chance is not None for label in own)
        if drawn and all(usable[places]) and sum(map(_in_pool, own)) >= pool.pairs:
            weights[places] = 1.0  # Every pair is labelled: nothing is left to estimate.
        elif drawn:
            weights[places] += _scaled(usable[places] * sequential_weights(own, pool.pairs), drawn)
    return weights


def sequential_weights(labels: Sequence[LabelledGrade], pairs: int) -> NDArray[np.float64]:
    """Return LURE weights of an annotator's labels; without other labels their mean is about 1.

    LURE is a weighted mean of the estimates after each draw, in which the drawn label counts
    1 / chance and every earlier one 1. Labels that came without a chance take part as earlier ones
    only, and leave the pool as all do.

    Args:
        labels: of one annotator, in the order of their draws.
        pairs: the size of the pool before the first.
    """
    drawn = np.array([label.chance is not None for label in labels], dtype=bool)
    chances = np.array([label.chance or 1.0 for label in labels])
    before = np.cumsum([0, *map(_in_pool, labels[:-1])])
    left = np.maximum(pairs - before, 1)
    last = int(np.flatnonzero(drawn)[-1])
    rest = left[last] - 1
    if not rest:
        return np.ones(len(labels))
    shares = np.zeros(len(labels))
    shares[drawn] = rest / (left[drawn] * (left[drawn] - 1))
    later = np.cumsum(shares[::-1])[::-1] - shares
    return np.asarray(later + shares / chances)


def effective_number(weights: NDArray[np.float64]) -> float:
    """Return the effective sample size (Kish, Survey Sampling, 1965)."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares else 0.0


def _without_chance(labels: Sequence[LabelledGrade], pool: Pool) -> NDArray[np.float64]:
    """Return the weights of the samples that need no chance; 0 for a label with one."""
    strata = [_stratum(label) for label in labels]
    pairs = {(stratum, label.pair) for stratum, label in zip(strata, labels, strict=True)}
    labelled = Counter(stratum for stratum, _ in pairs)
    stratified = np.array(
        [
            max(1.0, pool.strata.get(stratum, 0) / labelled[stratum]) if stratum else 0.0
            for stratum in strata
        ]
    )
    by_hand = np.array(
        [
            label.chance is None and stratum is None
            for label, stratum in zip(labels, strata, strict=True)
        ],
        dtype=np.float64,
    )
    return by_hand + _scaled(stratified, sum(stratum is not None for stratum in strata))


def _stratum(label: LabelledGrade) -> Stratum | None:
    if label.chance is not None or label.strategy != STRATIFIED:
        return None
    return label.seen


def _in_pool(label: LabelledGrade) -> bool:
    return label.chance is not None or label.seen is not None


def _scaled(weights: NDArray[np.float64], total: float) -> NDArray[np.float64]:
    summed = float(weights.sum())
    return weights * total / summed if summed else weights
