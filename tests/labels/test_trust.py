"""Judges' work and disagreements, against the same counted one by one."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from core.ids import event_id, utc_now
from core.records import Judgment
from core.store.tables import add_judgments, all_judges
from labels.agreement.disagreements import APART
from labels.trust import measure_trust
from tests.labels.agreement.label_book import Book, opened_book
from tests.labels.calibration.judged_store import add_judged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    with opened_book(tmp_path) as book:
        yield book


def test_disagreements_are_the_pairs_whose_scores_are_far_apart(book: Book) -> None:
    chance = np.random.default_rng(2)
    scores = chance.integers(1, 6, (3, 40))
    pairs = add_judged(book.store, scores[0].tolist(), judge="one")
    for name, of_judge in zip(("two", "three"), scores[1:], strict=True):
        add_judged(book.store, of_judge.tolist(), judge=name)
    add_judged(book.store, [1] * 41, judge="one")  # one pair more, of one judge only
    # Ruled again by ``one``: its later scores are 1 throughout.
    scores[0] = 1
    book.label_pair(pairs[0], 2)
    book.label_pair(pairs[0], 5, "bob")
    book.write()
    found = measure_trust(book.store).disagreements
    apart = np.ptp(scores, axis=0)
    assert (found.total, found.judged_twice) == ((apart >= APART).sum(), 40)
    assert {pair_scores.pair: pair_scores.apart for pair_scores in found.worst} == {
        pair: far for pair, far in zip(pairs, apart, strict=True) if far >= APART
    }
    settled = [pair_scores.grade for pair_scores in found.worst if pair_scores.grade is not None]
    assert settled == ([3.5] if apart[0] >= APART else [])


def test_work_is_the_sum_of_all_judgments_and_the_failures_still_open(book: Book) -> None:
    pairs = add_judged(book.store, [3, 4])
    (judge,) = all_judges(book.store)
    add_judged(book.store, [3, 4, 5, 2])
    later = utc_now() + timedelta(seconds=1)
    with book.store.transaction() as cursor:
        add_judgments(
            cursor,
            [
                Judgment(
                    event_id(),
                    pair,
                    judge.id,
                    later,
                    failure="no score",
                    prompt_tokens=100,
                    completion_tokens=7,
                    seconds=0.5,
                )
                for pair in (*pairs, event_id(), event_id())
            ],
        )
    work = measure_trust(book.store).work[judge.id]
    assert (work.scored, work.judgments, work.tokens) == (6, 10, 428)
    assert work.seconds == pytest.approx(2.0)
    assert work.seconds_each == pytest.approx(0.2)
    assert work.failed == 2  # the first two have a score
