"""What each label counts, so that figures speak of all judged pairs and not of the queue's taste.

A person's labels make up to three samples. Those of a queue that stored the chance of each draw are
weighted as Des Raj did (Journal of the American Statistical Association 51, 1956): after each draw
the labels before it, plus the one drawn over its chance, estimate the total without bias, whatever
the chances were and however they followed from labels before; the mean of these estimates is taken.
(The same weights as LURE's: Farquhar, Gal and Rainforth, ICLR 2021.) Those of the stratified queue
were drawn at random within each score; there the chance is the share of that score's pairs that got
a label, and is known afterwards (post-stratification). Labels that came by no queue count 1 each.
Each sample keeps the total that its number of labels gives it.

Labels of pairs picked on purpose, with no chance, cannot be weighted back at all: they are left out
of every figure.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

import numpy as np

from labels.strategies import REPEAT, STRATIFIED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from numpy.typing import NDArray

    from labels.agreement.labelled import LabelledGrade

#: Draws that need no chance of their own: each pair as likely as any other, or given by hand.
EVEN: Final = frozenset({None, "", "random", REPEAT})


def can_be_weighted(label: LabelledGrade) -> bool:
    """Tell whether the figures may use the label."""
    return label.chance is not None or label.strategy in EVEN or label.strategy == STRATIFIED


def label_weights(
    labels: Sequence[LabelledGrade], stratum_sizes: Mapping[tuple[UUID, int], int]
) -> NDArray[np.float64]:
    """Return the weight of each label; their mean is 1.

    Args:
        labels: those for which ``can_be_weighted`` holds.
        stratum_sizes: how many pairs each judge gave each score.
    """
    weights = np.zeros(len(labels))
    by_annotator: dict[str, list[int]] = defaultdict(list)
    for place, label in enumerate(labels):
        by_annotator[label.annotator].append(place)
    for places in by_annotator.values():
        own = [labels[place] for place in places]
        drawn = sum(label.chance is not None for label in own)
        if drawn:
            weights[places] += _to_total(_sequential(own), drawn)
    without = np.array([label.chance is None for label in labels], dtype=np.bool_)
    strata = [_stratum(label) for label in labels]
    in_strata = np.array([stratum is not None for stratum in strata], dtype=np.bool_)
    pairs = {(stratum, label.pair) for stratum, label in zip(strata, labels, strict=True)}
    labelled = Counter(stratum for stratum, _ in pairs)
    post = [
        max(1.0, stratum_sizes.get(stratum, 0) / labelled[stratum]) if stratum else 0.0
        for stratum in strata
    ]
    weights += _to_total(np.array(post), int(in_strata.sum()))
    weights += (without & ~in_strata).astype(np.float64)
    return weights


def effective_number(weights: NDArray[np.float64]) -> float:
    """Return how many evenly weighted labels would tell as much (Kish, Survey Sampling, 1965)."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares else 0.0


def _sequential(labels: Sequence[LabelledGrade]) -> NDArray[np.float64]:
    """Return the weights of one annotator's labels from the draws whose chance is known.

    A label counts 1 / chance in the estimate of its own draw and 1 in that of each later draw.
    """
    order = sorted(range(len(labels)), key=lambda place: (labels[place].drawn, labels[place].event))
    weights = np.zeros(len(labels))
    later = sum(label.chance is not None for label in labels)
    for place in order:
        chance = labels[place].chance
        if chance is not None:
            later -= 1
            weights[place] = 1 / chance
        weights[place] += later
    return weights


def _to_total(weights: NDArray[np.float64], total: float) -> NDArray[np.float64]:
    summed = float(weights.sum())
    return weights * total / summed if summed else weights


def _stratum(label: LabelledGrade) -> tuple[UUID, int] | None:
    if label.chance is not None or label.strategy != STRATIFIED or label.seen is None:
        return None
    return label.seen
