"""What judges said of pairs, as arrays, and what a calibration can learn from it."""

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
    """The rulings of J judges on n pairs, at least one on each pair.

    Args:
        scores: shape (n, J), 1-5, NaN where a judge has not ruled.
        chances: shape (n, J, 5), P(score = 1..5); NaN where a judge has not ruled. A judge that
            gives no distribution has all of it on its score.
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
        """Return the rulings of one judge on the pairs that it scored."""
        ruled = ~np.isnan(self.scores[:, place])
        return JudgeOutputs(
            self.scores[ruled, place : place + 1], self.chances[ruled, place : place + 1]
        )

    @property
    def mean_chances(self) -> NDArray[np.float64]:
        """The mean distribution of the judges that ruled on each pair, shape (n, 5)."""
        return np.asarray(np.nanmean(self.chances, axis=1))

    @property
    def expected(self) -> NDArray[np.float64]:
        """Each pair's expected score, the mean of its judges, shape (n,)."""
        return self.mean_chances @ GRADE_VALUES


def judge_outputs(
    scores: NDArray[np.float64], distributions: NDArray[np.float64] | None = None
) -> JudgeOutputs:
    """Return the outputs; where there is no distribution, all of it is on the score.

    Args:
        scores: shape (n, J), 1-5 or NaN.
        distributions: shape (n, J, 5), NaN where there is none; rows are made to sum to 1.
    """
    sure = (scores[..., None] == GRADE_VALUES).astype(np.float64)
    sure[np.isnan(scores)] = np.nan
    if distributions is None:
        return JudgeOutputs(scores, sure)
    totals = distributions.sum(axis=-1, keepdims=True)
    usable = (totals > 0) & ~np.isnan(scores)[..., None]
    chances = np.where(usable, distributions / np.where(totals > 0, totals, 1), sure)
    return JudgeOutputs(scores, chances)


def features(outputs: JudgeOutputs) -> NDArray[np.float64]:
    """Return what the ordinal model looks at, shape (n, 4 + J), or (n, 2) for a bare score.

    The mean expected score; the mean score; the spread of the judges; the entropy of their mean
    distribution; and how far each judge is from the mean, 0 where it has not ruled.
    """
    expected = outputs.expected
    mean_score = np.nanmean(outputs.scores, axis=1)
    each = outputs.chances @ GRADE_VALUES
    apart = np.nan_to_num(each - expected[:, None])
    spread = np.sqrt(np.nanmean((each - expected[:, None]) ** 2, axis=1))
    chances = outputs.mean_chances
    entropy = -(chances * np.log(np.where(chances > 0, chances, 1))).sum(axis=1)
    columns = [expected, mean_score - expected, spread, entropy]
    if outputs.scores.shape[1] > 1:
        columns += list(apart.T)
    return np.column_stack(columns)
