"""Of too many low-graded pairs the hardest stay."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
import pytest

from core.errors import CancelledError
from train.training_set.hard_negatives import with_hardest_negatives
from train.training_set.plan import TrainingSetPlan
from train.training_set.records import (
    GradeSource,
    Split,
    TrainingDocument,
    TrainingPair,
    TrainingQuery,
    TrainingSet,
)
from train.training_set.summarising import recounted, summarise
from train.training_set.summary import LeftOutReason
from train.training_set.watching import Watch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class LetterEncoder:
    """A row for each letter: texts are alike as far as they share letters."""

    def __init__(self) -> None:
        self.encoded = 0

    def encode_queries(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        rows = np.eye(26, dtype=np.float32)
        return [rows[[ord(letter) - ord("a") for letter in text]] for text in texts]

    def encode_documents(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        self.encoded += len(texts)
        return self.encode_queries(texts)


def training_set(split: Split = Split.TRAIN) -> TrainingSet:
    texts = ("abcd", "xyz", "abxy", "azzz", "abcx", "")
    grades = (5.0, 1.0, 2.0, 1.4, 2.0, 1.0)
    return TrainingSet(
        (
            TrainingQuery(UUID(int=1), "abcd", None, split),
            TrainingQuery(UUID(int=2), "xyz", None, Split.TRAIN),
        ),
        tuple(
            TrainingDocument(UUID(int=10 + place), "", "", text) for place, text in enumerate(texts)
        ),
        (
            *(
                TrainingPair(0, place, grade, 1.0, GradeSource.LABEL)
                for place, grade in enumerate(grades)
            ),
            TrainingPair(1, 3, 1.0, 1.0, GradeSource.LABEL),
        ),
    )


def test_the_lowest_scored_of_the_low_graded_go() -> None:
    found = with_hardest_negatives(training_set(), 2, LetterEncoder())
    assert [(pair.query, pair.document) for pair in found.pairs] == [(0, 0), (0, 2), (0, 4), (1, 3)]
    found = with_hardest_negatives(training_set(), 3, LetterEncoder())
    assert [pair.document for pair in found.pairs] == [0, 2, 3, 4, 3]
    assert (found.queries, found.documents) == (training_set().queries, training_set().documents)


def test_the_figures_follow() -> None:
    plan = TrainingSetPlan(low_graded_per_query=2)
    before = summarise(
        training_set(), plan, judge="", left_out={}, dropped=(), made_like_spec=0, pool=0
    )
    after = recounted(before, with_hardest_negatives(training_set(), 2, LetterEncoder()))
    assert (before.above_cap, before.pair_count()) == (3, 7)
    assert (after.above_cap, after.pair_count()) == (0, 4)
    assert after.left_out_for(LeftOutReason.EASY) == 3
    assert after.documents == before.documents


@pytest.mark.parametrize("most", [0, 5, 9])
def test_what_fits_is_left_alone_and_nothing_encoded(most: int) -> None:
    encoder = LetterEncoder()
    whole = training_set()
    assert with_hardest_negatives(whole, most, encoder) is whole
    assert encoder.encoded == 0


def test_held_out_queries_keep_all() -> None:
    whole = training_set(Split.HELD_OUT)
    assert with_hardest_negatives(whole, 1, LetterEncoder()) == whole


def test_it_stops_when_told() -> None:
    with pytest.raises(CancelledError):
        with_hardest_negatives(training_set(), 1, LetterEncoder(), Watch(cancelled=lambda: True))
