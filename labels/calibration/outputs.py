"""Judges' rulings as arrays: what calibration methods learn from and predict from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from core.records import GRADES

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVELS: Final = len(GRADES)
GRADE_VALUES: Final = np.array(GRADES, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class JudgeOutputs:
    """Rulings of J judges on n pairs, at least one on every pair.

    Attributes:
        scores: shape (n, J), 1-5, NaN without a ruling.
        chances: shape (n, J, 5), P(score = 1..5), NaN without a ruling. A judge without a
            distribution has 1 on its score.
    """

    scores: NDArray[np.float64]
    chances: NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.scores)

    def of(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> JudgeOutputs:
        """Return the rulings on some of the pairs."""
        return JudgeOutputs(self.scores[chosen], self.chances[chosen])

    def judge(self, place: int) -> JudgeOutputs:
        """Return a judge's rulings on the pairs that it scored."""
        ruled = ~np.isnan(self.scores[:, place])
        return JudgeOutputs(
            self.scores[ruled, place : place + 1], self.chances[ruled, place : place + 1]
        )

    @property
    def mean_chances(self) -> NDArray[np.float64]:
        """The mean distribution of the judges that ruled on the pair, shape (n, 5)."""
        return np.asarray(np.nanmean(self.chances, axis=1))

    @property
    def expected(self) -> NDArray[np.float64]:
        """The mean of ``mean_chances``, shape (n,)."""
        return self.mean_chances @ GRADE_VALUES


@dataclass(frozen=True, slots=True)
class LabelledOutputs:
    """Labels with judges' rulings. ``queries`` numbers the queries from 0 without gaps."""

    outputs: JudgeOutputs
    grades: NDArray[np.int64]
    weights: NDArray[np.float64]
    queries: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of labels."""
        return len(self.grades)

    def of(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> LabelledOutputs:
        """Return some of the labels."""
        return LabelledOutputs(
            self.outputs.of(chosen),
            self.grades[chosen],
            self.weights[chosen],
            self.queries[chosen],
        )


def judge_outputs(
    scores: NDArray[np.float64], distributions: NDArray[np.float64] | None = None
) -> JudgeOutputs:
    """Return outputs; a ruling without a distribution has 1 on its score.

    Args:
        scores: shape (n, J), 1-5 or NaN.
        distributions: shape (n, J, 5), NaN where there is none; normalised here.
    """
    certain = (scores[..., None] == GRADE_VALUES).astype(np.float64)
    certain[np.isnan(scores)] = np.nan
    if distributions is None:
        return JudgeOutputs(scores, certain)
    totals = distributions.sum(axis=-1, keepdims=True)
    usable = (totals > 0) & ~np.isnan(scores)[..., None]
    chances = np.where(usable, distributions / np.where(totals > 0, totals, 1), certain)
    return JudgeOutputs(scores, chances)


def features(outputs: JudgeOutputs) -> NDArray[np.float64]:
    """Return the features of the ordinal model, shape (n, 4 + J), or (n, 4) for one judge.

    The mean expected score; the mean score minus it; the spread of the judges; the entropy of
    their mean distribution; and every judge's distance to the mean, 0 without a ruling.
    """
    expected = outputs.expected
    mean_score = np.nanmean(outputs.scores, axis=1)
    by_judge = outputs.chances @ GRADE_VALUES
    distance = by_judge - expected[:, None]
    spread = np.sqrt(np.nanmean(distance**2, axis=1))
    chances = outputs.mean_chances
    entropy = -(chances * np.log(np.where(chances > 0, chances, 1))).sum(axis=1)
    columns = [expected, mean_score - expected, spread, entropy]
    if outputs.scores.shape[1] > 1:
        columns += list(np.nan_to_num(distance).T)
    return np.column_stack(columns)
