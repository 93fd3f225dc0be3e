"""What a training set is to be made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.errors import InputError

#: A query this like one of a spec counts as that one; docs/training-set.md says why.
NEAR_DUPLICATE: Final = 0.5

_LARGEST_SHARE: Final = 0.9


@dataclass(frozen=True, slots=True)
class TrainingSetPlan:
    """What to take, and how much of it.

    Args:
        judge_scores: whether a judge's raw score stands in where there is neither a label nor a
            calibrated grade.
        judge_name: that judge; empty: any, the one that scored most before the others.
        judge_weight: how much such a pair counts, more than 0 and at most 1.
        least_weight: pairs whose grade is less certain than this are left out.
        keyword_share: part of the training pairs that are keyword pairs, made from the corpus.
        keyword_weight: how much each of them counts, more than 0 and at most 1.
        docstring_share: part of the keyword pairs that put a docstring, not names.
        held_out_share: part of the queries that is only measured on.
        near_duplicate: Jaccard similarity of word sets from which on a query counts as one of a
            spec's, above 0 and at most 1.
        low_graded_per_query: of a query's pairs graded 2 or less the hardest so many are trained
            on; 0: all.
        pool_documents: documents of the corpus without a pair that stand among the others of a
            batch.
        seed: of the split and of all that is drawn.
    """

    judge_scores: bool = False
    judge_name: str = ""
    judge_weight: float = 0.5
    least_weight: float = 0.1
    keyword_share: float = 0.25
    keyword_weight: float = 0.5
    docstring_share: float = 0.25
    held_out_share: float = 0.1
    near_duplicate: float = NEAR_DUPLICATE
    low_graded_per_query: int = 32
    pool_documents: int = 0
    seed: int = 0

    def check(self) -> None:
        """Raise InputError for a value that cannot be."""
        for name, share in (
            ("keyword share", self.keyword_share),
            ("held-out share", self.held_out_share),
        ):
            if not 0 <= share <= _LARGEST_SHARE:
                raise InputError(f"the {name} is {share}", todo="Give a number from 0 to 0.9.")
        for name, share in (
            ("docstring share", self.docstring_share),
            ("least weight", self.least_weight),
        ):
            if not 0 <= share <= 1:
                raise InputError(f"the {name} is {share}", todo="Give a number from 0 to 1.")
        for name, weight in (
            ("judge's weight", self.judge_weight),
            ("keyword weight", self.keyword_weight),
            ("near-duplicate threshold", self.near_duplicate),
        ):
            if not 0 < weight <= 1:
                raise InputError(f"the {name} is {weight}", todo="Give a number above 0, up to 1.")
        for name, count in (
            ("low-graded pairs of a query", self.low_graded_per_query),
            ("pool documents", self.pool_documents),
        ):
            if count < 0:
                raise InputError(f"the number of {name} is {count}", todo="Give 0 or more.")
