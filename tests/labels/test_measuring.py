"""What is said of judges and annotators in a real store."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import krippendorff
import numpy as np
import pytest

from core.errors import InputError
from core.ids import event_id
from labels.agreement.labelled import current_grades
from labels.agreement.weights import label_weights, read_pool
from tests.labels.agreement.label_book import GRADES, SCORES, Book, opened_book
from tests.labels.calibration.judged_store import add_judged
from tests.reference_metrics import confusion_counts, mean_absolute_error, quadratic_kappa

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    with opened_book(tmp_path) as book:
        yield book


def test_a_judge_is_compared_with_people(book: Book) -> None:
    for row, grade in zip(book.rows(), GRADES, strict=True):
        book.label(row, grade)
    (judge,) = book.report().judges
    assert (judge.labels, judge.pairs, judge.queries, judge.seen) == (60, 60, 20, 60)
    expected = confusion_counts(SCORES, GRADES)
    assert np.array(judge.confusion).tolist() == expected.tolist()
    kappa = judge.figures["qwk"]
    assert kappa.value == pytest.approx(quadratic_kappa(SCORES, GRADES))
    for figure in judge.figures.values():
        assert figure.known
        assert figure.low is not None
        assert figure.high is not None
        assert figure.value is not None
        assert figure.low <= figure.value <= figure.high
    fours = [grade for score, grade in zip(SCORES, GRADES, strict=True) if score == 4]
    assert judge.reliability[3].mean_grade.value == pytest.approx(np.mean(fours))
    assert judge.corpus is not None
    assert judge.corpus.pairs == 60
    # Every pair has a label, so the judge has nothing to add.
    assert judge.corpus.mean_grade.powered.value == pytest.approx(np.mean(GRADES))
    assert judge.advice.more_labels is not None


def lure(chances: Sequence[float], pairs: int) -> list[float]:
    drawn = len(chances)
    return [
        1 + (pairs - drawn) / (pairs - m) * (1 / ((pairs - m + 1) * q) - 1)
        for m, q in enumerate(chances, start=1)
    ]


def test_labels_drawn_with_a_chance_count_by_lure(book: Book) -> None:
    rows = book.rows()[:30]
    chances = [0.01 if row.score == 1 else 0.03 for row in rows]
    for number, (row, grade) in enumerate(zip(rows, GRADES, strict=False)):
        book.label(row, grade, chance=chances[number], strategy="uncertain", minutes=number)
        # Graded again, without a queue: that changes nothing about how the pair was drawn.
        book.label(row, grade, minutes=100 + number)
    weights = lure(chances, 60)
    expected = quadratic_kappa(SCORES[:30], GRADES[:30], weights)
    (judge,) = book.report().judges
    assert judge.figures["qwk"].value == pytest.approx(expected)
    assert judge.effective == pytest.approx(sum(weights) ** 2 / sum(w * w for w in weights))


def test_with_every_pair_labelled_the_chances_no_longer_count(book: Book) -> None:
    for number, (row, grade) in enumerate(zip(book.rows(), GRADES, strict=True)):
        chance = 0.002 if row.score == 1 else 0.01
        book.label(row, grade, chance=chance, strategy="uncertain", minutes=number)
    (judge,) = book.report().judges
    assert judge.figures["qwk"].value == pytest.approx(quadratic_kappa(SCORES, GRADES))
    assert judge.effective == pytest.approx(60)


def test_a_stratified_queue_is_weighted_by_what_it_took_of_each_score(book: Book) -> None:
    rows = book.rows()
    chosen = [row for row in rows if row.score == 1][:3] + [row for row in rows if row.score == 5]
    for row in chosen:
        book.label(row, row.score, strategy="stratified")
    book.write()
    labels = current_grades(book.store)
    weights = label_weights(labels, read_pool(book.store, labels))
    ones = weights[[label.grade == 1 for label in labels]]
    fives = weights[[label.grade == 5 for label in labels]]
    assert ones / fives[0] == pytest.approx(np.full(3, 12 / 3))


def test_a_queue_that_picks_on_purpose_is_left_out_without_a_chance(book: Book) -> None:
    rows = book.rows()
    for row in rows[:20]:
        book.label(row, 1, strategy="uncertain")
    report = book.report()
    assert report.judges[0].labels == 0
    assert report.judges[0].figures["qwk"].value is None
    assert any("20 labels come from a queue" in notice for notice in report.notices)


def test_another_judge_is_compared_where_it_scored(book: Book) -> None:
    rows = book.rows()
    add_judged(book.store, [2] * 10, judge="other", per_query=3)
    for row, grade in zip(rows, GRADES, strict=True):
        book.label(row, grade)
    gpt, other = book.report().judges
    assert (gpt.labels, gpt.judge.name) == (60, "gpt")
    assert (other.labels, other.judge.name) == (10, "other")
    assert "gave every pair a 2" in other.figures["qwk"].reason
    assert other.figures["mae"].value == pytest.approx(np.mean([abs(g - 2) for g in GRADES[:10]]))
    assert [one.judge.name for one in book.report("other").judges] == ["other"]
    with pytest.raises(InputError, match="no judge nobody"):
        book.report("nobody")


def test_annotators_agree_with_each_other_and_with_themselves(book: Book) -> None:
    rows = book.rows()[:30]
    for n, row in enumerate(rows):
        book.label(row, GRADES[n], "ada")
        book.label(row, 1 + n % 5, "bob")
        if n < 12:
            book.label(row, 1 + (n // 2) % 5, "bob", minutes=60)
            book.label(row, 1 + (n // 2) % 5, "ada")  # at once: a correction
    report = book.report()
    (both,) = report.annotators
    assert (both.first, both.second, both.pairs, both.queries) == ("ada", "bob", 30, 10)
    first = [1 + (n // 2) % 5 if n < 12 else GRADES[n] for n in range(30)]
    second = [1 + (n // 2) % 5 if n < 12 else 1 + n % 5 for n in range(30)]
    alpha = krippendorff.alpha(
        reliability_data=[first, second],
        value_domain=[1, 2, 3, 4, 5],
        level_of_measurement="ordinal",
    )
    assert both.figures["alpha"].value == pytest.approx(alpha)
    assert report.alpha.value == pytest.approx(alpha)
    kappa = quadratic_kappa(first, second)
    assert both.figures["qwk"].value == pytest.approx(kappa)
    (bob,) = report.themselves
    assert (bob.first, bob.second, bob.pairs) == ("bob", "bob", 12)
    kappa = quadratic_kappa([1 + n % 5 for n in range(12)], second[:12])
    assert bob.figures["qwk"].value == pytest.approx(kappa)


def test_alpha_of_three_annotators_is_that_of_krippendorff(book: Book) -> None:
    rows = book.rows()[:20]
    table = np.full((3, 20), np.nan)
    for n, row in enumerate(rows):
        for person, name in enumerate(("ada", "bob", "eve")):
            if (n + person) % 4:
                table[person, n] = 1 + (n + person * n) % 5
                book.label(row, int(table[person, n]), name)
    alpha = krippendorff.alpha(
        reliability_data=table, value_domain=[1, 2, 3, 4, 5], level_of_measurement="ordinal"
    )
    assert book.report().alpha.value == pytest.approx(alpha)


def test_anchoring_is_agreement_shown_minus_blind(book: Book) -> None:
    rows = book.rows()
    for n, row in enumerate(rows):
        hidden = n % 2 == 0
        score = row.score
        book.label(row, 6 - score if hidden and n % 4 == 0 else score, hidden=hidden)
    (judge,) = book.report().judges
    anchoring = judge.anchoring
    wrong = sum(SCORES[n] != 3 for n in range(0, 60, 4)) / 30
    assert (anchoring.shown, anchoring.blind) == (30, 30)
    assert anchoring.exact.value == pytest.approx(wrong)
    assert anchoring.exact.low is not None
    assert anchoring.exact.low > 0
    blind = [6 - SCORES[n] if n % 4 == 0 else SCORES[n] for n in range(0, 60, 2)]
    away = mean_absolute_error(SCORES[::2], blind)
    assert anchoring.distance.value == pytest.approx(-away)


def test_shares_and_means_of_each_score_are_those_of_their_definitions(book: Book) -> None:
    chances = [0.01 * (1 + n % 7) for n in range(40)]
    scores, grades = SCORES[:40], GRADES[:40]
    for n, (row, grade) in enumerate(zip(book.rows()[:40], grades, strict=True)):
        book.label(row, grade, chance=chances[n], strategy="mixed", minutes=n)
    weights = np.array(lure(chances, 60))
    shares = confusion_counts(scores, grades, weights)
    shares = shares / shares.sum(axis=1, keepdims=True)
    (judge,) = book.report().judges
    for score in range(5):
        found = [share.value for share in judge.confusion_shares[score]]
        assert found == pytest.approx(shares[score].tolist())
        point = judge.reliability[score]
        inside = np.array(scores) == score + 1
        assert point.labels == inside.sum()
        mean = np.average(np.array(grades)[inside], weights=weights[inside])
        assert point.mean_grade.value == pytest.approx(mean)


def test_two_labels_that_agree_are_no_proof(book: Book) -> None:
    """2 of 2 within one grade: the interval of Clopper and Pearson, in every figure."""
    first, *_, last = (row for row in book.rows() if row.score in {1, 5})
    for row in (first, last):
        book.label(row, row.score)
    (judge,) = book.report().judges
    for name in ("exact", "within_one"):
        figure = judge.figures[name]
        assert (figure.value, figure.high) == (1, 1)
        assert figure.low == pytest.approx(0.158, abs=1e-3)
    for figure in judge.figures.values():
        assert figure.low is not None
        assert figure.high is not None
        assert figure.low < figure.high
    assert judge.corpus is not None
    precision = judge.corpus.precision_good
    for estimate in (precision.powered, precision.labels_only):
        assert estimate.low is None or estimate.low < 0.2


def test_labels_whose_judgment_is_gone_and_opposite_grades_are_told(book: Book) -> None:
    rows = book.rows()
    book.label(rows[0], 1, judgment=event_id())
    book.label(rows[1], 1)
    book.label(rows[1], 5, "bob")
    report = book.report()
    assert any("1 label names a judgment that is gone" in notice for notice in report.notices)
    assert any("1 pair has grades of two people" in notice for notice in report.notices)
    assert report.judges[0].labels == 3


def test_nothing_is_said_of_nothing(book: Book) -> None:
    report = book.report()
    assert report.judges == ()
    book.rows()
    report = book.report()
    assert report.judges[0].figures["qwk"].reason == "there are no labels to compare with"
    assert "no labels yet" in report.notices[0]
    assert report.judges[0].corpus is None


def test_the_pool_is_of_the_judges_that_people_saw(book: Book) -> None:
    book.rows()
    add_judged(book.store, [2] * 70, judge="other", per_query=3)
    for pair in add_judged(book.store, [3] * 5, judge="third", per_query=3):
        book.label_pair(pair, 3)
    book.write()
    labels = current_grades(book.store)
    assert read_pool(book.store, labels).pairs == 0
    drawn = [replace(label, chance=0.1) for label in labels]
    assert read_pool(book.store, drawn).pairs == 70
    ((judge,),) = book.store.read("SELECT id FROM db.judges WHERE name = 'gpt'")
    seen = [replace(label, seen=(judge, 3)) for label in drawn]
    assert read_pool(book.store, seen).pairs == 60
