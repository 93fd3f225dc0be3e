"""One ruling from several samples of the same judge on the same pair."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from core.records import GRADES
from labels.judge.ruling import Ruling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labels.judge.score_distribution import Distribution


def pooled(samples: Sequence[Ruling]) -> Ruling:
    """Return the ruling of several samples: the most frequent score and their distribution.

    Of equally frequent scores the one nearest to the mean is taken, then the lower. The
    distribution is the mean of the samples' own, where each has one, else the shares of the
    scores. When more than half of the samples failed, so did the ruling.
    """
    scored = [sample for sample in samples if sample.score is not None]
    tokens = Ruling(
        prompt_tokens=sum(sample.prompt_tokens for sample in samples),
        completion_tokens=sum(sample.completion_tokens for sample in samples),
    )
    if 2 * len(scored) < len(samples) or not scored:
        failures = [sample.failure for sample in samples if sample.failure]
        reason = failures[-1] if failures else "no sample came back"
        return replace(
            tokens, failure=f"{len(failures)} of {len(samples)} samples failed: {reason}"
        )
    score = _most_frequent([sample.score for sample in scored if sample.score is not None])
    rationale = next(sample.rationale for sample in scored if sample.score == score)
    return replace(tokens, score=score, rationale=rationale, distribution=_mean(scored))


def _most_frequent(scores: Sequence[int]) -> int:
    counts = Counter(scores)
    mean = sum(scores) / len(scores)
    return min(counts, key=lambda score: (-counts[score], abs(score - mean), score))


def _mean(scored: Sequence[Ruling]) -> Distribution:
    own = [sample.distribution for sample in scored if sample.distribution is not None]
    if len(own) < len(scored):
        own = [_certain(sample.score) for sample in scored]
    one, two, three, four, five = (sum(column) / len(own) for column in zip(*own, strict=True))
    return one, two, three, four, five


def _certain(score: int | None) -> Distribution:
    one, two, three, four, five = (float(grade == score) for grade in GRADES)
    return one, two, three, four, five
