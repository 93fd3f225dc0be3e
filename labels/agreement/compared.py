"""Each label beside one judge's ruling on the same pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labels.agreement.labelled import Ruling

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from numpy.typing import NDArray

    from labels.agreement.labelled import LabelledGrade


@dataclass(frozen=True, slots=True)
class Comparison:
    """A label, the judge's ruling that it is compared with, and what it counts.

    ``seen`` tells whether the person graded beside this very ruling, in sight or hidden.
    """

    label: LabelledGrade
    ruling: Ruling
    weight: float
    seen: bool


def comparisons(
    judge: UUID,
    labels: Sequence[LabelledGrade],
    weights: NDArray[np.float64],
    rulings: Mapping[UUID, Ruling],
) -> list[Comparison]:
    """Return the labels of pairs that the judge scored.

    A label that was given beside a ruling of this judge is compared with that one, whatever the
    judge said later; any other with the judge's standing ruling.
    """
    found = []
    for label, weight in zip(labels, weights, strict=True):
        standing = rulings.get(label.pair)
        if label.seen is not None and label.seen[0] == judge:
            score = label.seen[1]
            same = standing is not None and standing.score == score
            ruling = standing if same and standing else Ruling(score)
            found.append(Comparison(label, ruling, float(weight), seen=True))
        elif standing is not None:
            found.append(Comparison(label, standing, float(weight), seen=False))
    return found


def query_numbers(labels: Sequence[LabelledGrade]) -> NDArray[np.int64]:
    """Return the number of each label's query, from 0 in the order of their ids."""
    texts = [label.query.hex for label in labels]
    return np.unique(texts, return_inverse=True)[1] if texts else np.zeros(0, dtype=np.int64)
