"""A training set in figures."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from train.training_set.records import GradeSource, Split
from train.training_set.summary import (
    Dropped,
    LeftOut,
    LeftOutReason,
    PairCount,
    QueryCount,
    TrainingSetSummary,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from train.training_set.plan import TrainingSetPlan
    from train.training_set.records import TrainingSet

#: From this grade on a document is what its query wants; up to that one it is none of it.
GOOD: Final = 3.5
LOW: Final = 2.0


def whole_grade(grade: float) -> int:
    """Return the grade that is nearest, a half going up."""
    return int(grade + 0.5)


def summarise(
    training_set: TrainingSet,
    plan: TrainingSetPlan,
    *,
    judge: str,
    left_out: Mapping[LeftOutReason, int],
    dropped: tuple[Dropped, ...],
    made_like_spec: int,
    pool: int,
) -> TrainingSetSummary:
    """Count what the set holds.

    Args:
        training_set: the set.
        plan: by which it was built.
        judge: whose raw scores are among the grades.
        left_out: pairs left out, by reason.
        dropped: queries that specs took.
        made_like_spec: keyword queries that specs took.
        pool: documents added to be in no pair.
    """
    splits = [query.split for query in training_set.queries]
    pairs: Counter[tuple[Split, GradeSource, int]] = Counter()
    low: Counter[int] = Counter()
    good: set[int] = set()
    made: set[int] = set()
    weight = 0.0
    for pair in training_set.pairs:
        split = splits[pair.query]
        pairs[split, pair.source, whole_grade(pair.grade)] += 1
        if pair.source is GradeSource.KEYWORD:
            made.add(pair.query)
        if split is Split.TRAIN:
            weight += pair.weight
            low[pair.query] += pair.grade <= LOW
            if pair.grade >= GOOD:
                good.add(pair.query)
    queries = Counter(
        (query.split, query.kind, place in made) for place, query in enumerate(training_set.queries)
    )
    trained = sum(count for (split, *_), count in pairs.items() if split is Split.TRAIN)
    most = plan.low_graded_per_query
    return TrainingSetSummary(
        plan=plan,
        judge=judge,
        pairs=tuple(PairCount(*key, pairs[key]) for key in sorted(pairs, key=_pair_order)),
        queries=tuple(QueryCount(*key, queries[key]) for key in sorted(queries, key=_query_order)),
        documents=len(training_set.documents),
        pool=pool,
        average_weight=weight / trained if trained else 0.0,
        without_good=splits.count(Split.TRAIN) - len(good),
        above_cap=sum(max(0, count - most) for count in low.values()) if most else 0,
        left_out=tuple(
            LeftOut(reason, left_out[reason]) for reason in LeftOutReason if left_out.get(reason)
        ),
        dropped=dropped,
        made_like_spec=made_like_spec,
    )


def recounted(summary: TrainingSetSummary, hardest: TrainingSet) -> TrainingSetSummary:
    """Return the figures of a set after ``with_hardest_negatives``.

    Args:
        summary: the figures before.
        hardest: the set after.
    """
    left_out = Counter({left.reason: left.pairs for left in summary.left_out})
    left_out[LeftOutReason.EASY] += summary.pair_count() - len(hardest.pairs)
    return summarise(
        hardest,
        summary.plan,
        judge=summary.judge,
        left_out=left_out,
        dropped=summary.dropped,
        made_like_spec=summary.made_like_spec,
        pool=summary.pool,
    )


def _pair_order(key: tuple[Split, GradeSource, int]) -> tuple[int, int, int]:
    split, source, grade = key
    return list(Split).index(split), list(GradeSource).index(source), grade


def _query_order(key: tuple[Split, object, bool]) -> tuple[int, bool, str]:
    split, kind, made = key
    return list(Split).index(split), made, str(kind or "~")
