"""A training set in figures: what it holds, what was left out of it, and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from core.records import is_good
from train.dataset.records import GradeSource, Split

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.records import QueryKind
    from train.dataset.records import Leak, LeakRule, TrainingSet, TrainingSetPlan


class LeftOutReason(StrEnum):
    """Why a pair is not in the set; the first reason that applies counts."""

    FLAGGED = "flagged by a person"
    BLANK = "blank query or code"
    FAILED = "the judge failed and nobody graded"
    UNGRADED = "not graded"
    SCORE_ONLY = "only a judge's score, which was not asked for"
    OTHER_JUDGE = "only another judge's score"
    UNCERTAIN = "the grade is too uncertain"
    SPEC = "the query, or its like, is in a spec"
    UNMEASURABLE = "held out, but all its grades are alike"
    EASY = "graded low, and others of its query are harder"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How many pairs one reason left out."""

    reason: LeftOutReason
    pairs: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """Queries left out because they are like a spec's, by rule, with some examples."""

    rule: LeakRule
    queries: int
    pairs: int
    examples: tuple[Leak, ...]


@dataclass(frozen=True, slots=True)
class PairCount:
    """Pairs of a split, source and grade; grades are rounded."""

    split: Split
    source: GradeSource
    grade: int
    pairs: int


@dataclass(frozen=True, slots=True)
class QueryCount:
    """Queries of a split, by kind and by whether they were made from the corpus."""

    split: Split
    kind: QueryKind | None
    made: bool
    queries: int


@dataclass(frozen=True, slots=True)
class TrainingSetSummary:
    """A training set in figures.

    Args:
        plan: what was asked for.
        judge: whose raw scores are used; empty: no judge's.
        pairs: how many of each split, source and grade; no zeros.
        queries: how many of each split and kind.
        documents: all documents, ``pool`` of them in no pair.
        pool: documents that are negatives of batches only.
        average_weight: of the training pairs, 0 to 1.
        without_good: training queries of which no document is graded 4 or more.
        above_cap: low-graded training pairs beyond the plan's number per query; when the run is
            made the hardest are kept.
        left_out: pairs left out, by reason, in the order in which the reasons are checked.
        dropped: queries that specs keep out, by rule.
        made_like_spec: keyword queries not made since they are like a spec's.
    """

    plan: TrainingSetPlan
    judge: str
    pairs: tuple[PairCount, ...]
    queries: tuple[QueryCount, ...]
    documents: int
    pool: int
    average_weight: float
    without_good: int
    above_cap: int
    left_out: tuple[LeftOut, ...]
    dropped: tuple[Dropped, ...]
    made_like_spec: int

    def pair_count(self, *, split: Split | None = None, source: GradeSource | None = None) -> int:
        """Return the number of pairs of a split and source; None: of all."""
        return sum(
            count.pairs
            for count in self.pairs
            if split in {None, count.split} and source in {None, count.source}
        )

    def graded_queries(self, split: Split) -> int:
        """Return the split's queries without those made from the corpus."""
        return sum(
            count.queries for count in self.queries if count.split is split and not count.made
        )

    def left_out_for(self, reason: LeftOutReason) -> int:
        """Return the number of pairs that this reason left out."""
        return sum(left.pairs for left in self.left_out if left.reason is reason)

    @property
    def keyword_share(self) -> float:
        """Part of the training pairs that are keyword pairs, 0 to 1."""
        pairs = self.pair_count(split=Split.TRAIN)
        made = self.pair_count(split=Split.TRAIN, source=GradeSource.KEYWORD)
        return made / pairs if pairs else 0.0


#: The highest grade of a document that its query does not want at all.
LOW: Final = 2.0


def whole_grade(grade: float) -> int:
    """Return a grade rounded, a half up."""
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
            if is_good(pair.grade):
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
    """Return the summary of a set after ``with_hardest_negatives``.

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
