"""Of too many low-graded pairs the hardest stay."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
import pytest

from core.errors import CancelledError
from core.jobs import Job
from train.dataset.hard_negatives import with_hardest_negatives
from train.dataset.records import (
    GradeSource,
    Split,
    TrainingDocument,
    TrainingPair,
    TrainingQuery,
    TrainingSet,
    TrainingSetPlan,
)
from train.dataset.summary import LeftOutReason, recounted, summarise

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from core.records import Progress


class LetterEncoder:
    """A row for each letter: texts are alike as far as they share letters."""

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def encode_queries(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        rows = np.eye(26, dtype=np.float32)
        return [rows[[ord(letter) - ord("a") for letter in text]] for text in texts]

    def iterate_documents(self, texts: Sequence[str]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """The last one first."""
        for place in reversed(range(len(texts))):
            self.encoded.append(texts[place])
            yield place, self.encode_queries([texts[place]])[0]


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
    assert encoder.encoded == []


def test_held_out_queries_keep_all() -> None:
    whole = training_set(Split.HELD_OUT)
    assert with_hardest_negatives(whole, 1, LetterEncoder()) == whole


def test_documents_of_several_queries_are_encoded_once_and_told_of() -> None:
    whole = training_set()
    shared = replace(whole, pairs=(*whole.pairs, TrainingPair(1, 2, 2.0, 1.0, GradeSource.LABEL)))
    encoder = LetterEncoder()
    told: list[Progress] = []
    found = with_hardest_negatives(shared, 1, encoder, Job(told.append))
    assert [(pair.query, pair.document) for pair in found.pairs] == [(0, 0), (0, 4), (1, 2)]
    assert sorted(encoder.encoded) == sorted(["xyz", "abxy", "azzz", "abcx", ""])
    assert [(each.done, each.total) for each in told] == [(0, 7), *((n, 7) for n in range(3, 8))]


def test_it_stops_when_told() -> None:
    encoder = LetterEncoder()
    asked = count()
    with pytest.raises(CancelledError):
        with_hardest_negatives(training_set(), 1, encoder, Job(cancelled=lambda: next(asked) >= 2))
    assert len(encoder.encoded) == 2
