"""What each label counts, so that figures speak of all judged pairs and not of the queue's taste.

A label drawn with a known chance counts 1 / chance (Horvitz and Thompson 1952). The stratified
queue draws at random within each score of the audited judge; there the chance is the share of that
score's pairs that got a label, and is known afterwards (post-stratification). Labels that somebody
picked by hand count 1 each. Labels from a queue that picks on purpose and stored no chance cannot
be weighted back at all: they are left out of every figure.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np

from labels.agreement.labelled import STRATIFIED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from numpy.typing import NDArray

    from labels.agreement.labelled import LabelledGrade

#: Draws that need no chance of their own: each pair as likely as any other, or picked by hand.
EVEN: Final = frozenset({None, "", "random", "repeat"})


def can_be_weighted(label: LabelledGrade) -> bool:
    """Tell whether the figures may use the label."""
    return (
        label.inclusion_probability is not None
        or label.strategy in EVEN
        or label.strategy == STRATIFIED
    )


def label_weights(
    labels: Sequence[LabelledGrade], stratum_sizes: Mapping[tuple[UUID, int], int]
) -> NDArray[np.float64]:
    """Return the weight of each label; their mean is 1.

    The labels with a chance of their own, those of the stratified queue and the others are each a
    sample by themselves, so each of the three groups keeps the total that its number gives it.

    Args:
        labels: those for which ``can_be_weighted`` holds.
        stratum_sizes: how many pairs each judge gave each score.
    """
    weights = np.ones(len(labels))
    drawn = [label.inclusion_probability is not None for label in labels]
    strata = [
        None if known else _stratum(label) for known, label in zip(drawn, labels, strict=True)
    ]
    pairs = {(stratum, label.pair) for stratum, label in zip(strata, labels, strict=True)}
    labelled = Counter(stratum for stratum, _ in pairs)
    for place, label in enumerate(labels):
        stratum = strata[place]
        if label.inclusion_probability is not None:
            weights[place] = 1 / label.inclusion_probability
        elif stratum is not None:
            weights[place] = max(1.0, stratum_sizes.get(stratum, 0) / labelled[stratum])
    groups = np.array(
        [0 if known else 1 if stratum else 2 for known, stratum in zip(drawn, strata, strict=True)]
    )
    for group in range(3):
        members = groups == group
        if members.any():
            weights[members] /= weights[members].mean()
    return weights


def effective_number(weights: NDArray[np.float64]) -> float:
    """Return how many evenly weighted labels would tell as much (Kish, Survey Sampling, 1965)."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares else 0.0


def _stratum(label: LabelledGrade) -> tuple[UUID, int] | None:
    if label.strategy != STRATIFIED or label.seen is None:
        return None
    return label.seen
