"""What a training set holds, what was left out of it, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from train.training_set.records import GradeSource, Split

if TYPE_CHECKING:
    from core.records import QueryKind
    from train.training_set.plan import TrainingSetPlan
    from train.training_set.spec_queries import Leak, LeakRule


class LeftOutReason(StrEnum):
    """Why a pair is not in the set, the first reason that holds."""

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
    """Queries left out because a spec has them or their like, by rule, with some examples."""

    rule: LeakRule
    queries: int
    pairs: int
    examples: tuple[Leak, ...]


@dataclass(frozen=True, slots=True)
class PairCount:
    """Pairs of one split, source and grade; a grade that is not whole counts as the nearest."""

    split: Split
    source: GradeSource
    grade: int
    pairs: int


@dataclass(frozen=True, slots=True)
class QueryCount:
    """Queries of one split, by kind and by whether the corpus gave them (keyword pairs)."""

    split: Split
    kind: QueryKind | None
    made: bool
    queries: int


@dataclass(frozen=True, slots=True)
class TrainingSetSummary:
    """A training set in figures.

    Args:
        plan: what was asked for.
        judge: whose scores stand in where nobody graded; empty: nobody's.
        pairs: how many of each split, source and grade, those that there are.
        queries: how many of each split and kind.
        documents: all documents, of which ``pool`` are in no pair.
        pool: documents that only stand among the others of a batch.
        average_weight: of the training pairs, 0 to 1.
        without_good: training queries of which no document is graded 3.5 or more.
        above_cap: low-graded training pairs beyond the plan's number for a query; the hardest are
            kept when the run starts.
        left_out: pairs left out, by reason, in the order in which the reasons are looked for.
        dropped: what the specs took, by rule.
        made_like_spec: keyword queries not made because a spec has them or their like.
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
        """Return the number of pairs of this split and source; None: of all."""
        return sum(
            count.pairs
            for count in self.pairs
            if split in {None, count.split} and source in {None, count.source}
        )

    def graded_queries(self, split: Split) -> int:
        """Return the split's queries but for those that the corpus gave."""
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
