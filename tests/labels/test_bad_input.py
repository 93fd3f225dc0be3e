"""Labels and judgments that no figure can be made of: a sentence instead, in every place."""

from __future__ import annotations

import json
import math
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest

from core.records import Estimate
from core.store.tables import all_judges
from labels.calibration.calibrating import calibrate
from labels.exporting import export
from labels.pairs.importing import import_pairs
from labels.trust import measure_agreement, measure_trust
from tests.labels.agreement.label_book import Book, opened_book
from tests.labels.calibration.judged_store import add_judged
from train.dataset.building import grade_pairs, left_out_counts
from train.dataset.records import TrainingSetPlan
from train.dataset.summary import LeftOutReason
from tui.cli.main import main
from tui.shown.agreement import document, lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

EVERY: Final = [1 + n % 5 for n in range(30)]


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Book]:
    monkeypatch.chdir(tmp_path)
    with opened_book(tmp_path) as book:
        yield book


def estimates(value: object, name: str = "") -> Iterator[tuple[str, Estimate]]:
    """Give every figure in a report, with the way to it."""
    if isinstance(value, Estimate):
        yield name, value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from estimates(one, f"{name}.{key}")
    elif isinstance(value, tuple | list):
        for place, one in enumerate(value):
            yield from estimates(one, f"{name}[{place}]")
    elif is_dataclass(value):
        for field in fields(value):
            yield from estimates(getattr(value, field.name), f"{name}.{field.name}")


def checked(book: Book) -> Mapping[str, Estimate]:
    """Measure everything; each figure must be a number in an interval or have a reason."""
    book.write()
    trust = measure_trust(book.store)
    found = dict(estimates(trust.agreement))
    for name, one in found.items():
        numbers = [end for end in (one.value, one.low, one.high) if end is not None]
        assert all(math.isfinite(number) for number in numbers), name
        if one.known:
            assert one.high is not None, name
            assert one.low <= one.value <= one.high, name  # type: ignore[operator]
        else:
            assert one.reason, name
    assert json.dumps(document(trust), allow_nan=False)
    assert lines(trust)
    return found


@pytest.mark.parametrize(
    ("scores", "grades", "qwk", "calibration"),
    [
        (EVERY, [], "no labels to compare with", "there are no labels to learn from"),
        (EVERY, [4], "there is one label only", "1 labels are too few"),
        (EVERY, [2] * 30, "people gave every pair a 2", "every label is a 2"),
        ([3] * 30, EVERY, "the judge gave every pair a 3", ""),
        ([3] * 30, [3] * 30, "the judge gave every pair a 3", "every label is a 3"),
        ([3] * 30, [5] * 30, "the judge gave every pair a 3", "every label is a 5"),
    ],
)
def test_what_does_not_vary_gives_sentences(
    book: Book, scores: list[int], grades: list[int], qwk: str, calibration: str
) -> None:
    pairs = add_judged(book.store, scores, per_query=3)
    for pair, grade in zip(pairs, grades, strict=False):
        book.label_pair(pair, grade)
    found = checked(book)
    for name in ("qwk", "alpha", "spearman"):
        assert qwk in found[f".judges[0].figures.{name}"].reason
    outcome = calibrate(book.store)
    assert outcome.reason.startswith(calibration)
    assert (outcome.calibration is None) == bool(calibration)


def test_scores_off_the_scale_are_failures_of_an_import_and_count_nowhere(
    book: Book, tmp_path: Path
) -> None:
    wrong: list[object] = [0, 6, -1, 2.5, 1e300, "seven", [4], True, "4.7"]
    rows = [{"llm_score": score} for score in (*wrong, 3, 4)]
    rows += [{"grade_source": "label", "llm_score": 4, "judge_score": 9}]
    rows += [{"grade_source": "calibrated", "llm_score": 4.4, "judge_score": None}]
    source = tmp_path / "gpt.jsonl"
    with source.open("w") as file:
        for n, row in enumerate(rows):
            file.write(json.dumps({"query": f"q{n}", "positive": f"code {n}"} | row) + "\n")
    report = import_pairs(book.store, source)
    assert (report.added, report.failed_judgments) == (13, 10)
    told = {problem.line: problem.reason for problem in report.problems}
    assert "llm_score is not 1, 2, 3, 4 or 5: 6" in told[2]
    assert "llm_score is not a number: seven" in told[6]
    assert "llm_score is not 1, 2, 3, 4 or 5: 9" in told[12]
    scores = book.store.read("SELECT score FROM db.judgments WHERE score IS NOT NULL ORDER BY 1")
    assert scores == [(3,), (4,)]
    for (pair,) in book.store.read("SELECT id FROM db.pairs"):
        book.label_pair(pair, 3)
    assert checked(book)[".judges[0].figures.mae"].value == 0.5
    (judge,) = measure_agreement(book.store).judges
    assert judge.labels == 2


@pytest.mark.parametrize("wrong", ["0", "6", "-1", "2.5", "five", ""])
def test_a_grade_off_the_scale_is_refused(
    book: Book, capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    (pair,) = add_judged(book.store, [3])
    book.store.close()
    assert main(["label", str(pair), wrong]) == 2
    assert capsys.readouterr().err.startswith("rejudge: ")
    assert main(["status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["labels"]["total"] == 0


def test_opposite_grades_of_two_people_are_told_and_not_trained_on(
    book: Book, tmp_path: Path
) -> None:
    pairs = add_judged(book.store, EVERY, per_query=3)
    for n, pair in enumerate(pairs):
        book.label_pair(pair, 1 if n % 2 else 5)
        book.label_pair(pair, 5 if n % 2 else 1, "bob")
    found = checked(book)
    told = "30 pairs have grades of two people 3 or more apart"
    assert any(told in notice for notice in measure_agreement(book.store).notices)
    assert found[".annotators[0].figures.qwk"].value == -1
    outcome = calibrate(book.store)
    assert any(told in notice for notice in outcome.notices)
    report = export(book.store, "jsonl", tmp_path / "out.jsonl")
    assert any(told in notice for notice in report.notices)
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert {(row["llm_score"], *sorted(row["grades"])) for row in rows} == {(3, 1, 5)}
    with book.store.snapshot() as cursor:
        grade_pairs(cursor, TrainingSetPlan(), [])
        assert left_out_counts(cursor) == {LeftOutReason.UNCERTAIN: 30}


def test_labels_outlive_their_judgments_and_their_judges(book: Book, tmp_path: Path) -> None:
    chance = np.random.default_rng(1)
    rows = book.rows()
    for row in rows[:40]:
        book.label(row, int(chance.integers(1, 6)), strategy="stratified")
    assert checked(book)[".judges[0].figures.qwk"].known
    book.store.write("DELETE FROM db.judgments", [])
    found = checked(book)
    assert found[".judges[0].figures.qwk"].reason == "there are no labels to compare with"
    notices = measure_agreement(book.store).notices
    assert any("40 labels name a judgment that is gone" in notice for notice in notices)
    assert any("40 labels are on pairs that no judge has scored" in notice for notice in notices)
    assert "no label is on a pair that a judge has scored" in calibrate(book.store).reason
    book.store.write("DELETE FROM db.judges", [])
    assert all_judges(book.store) == []
    assert measure_agreement(book.store).judges == ()
    checked(book)
    report = export(book.store, "jsonl", tmp_path / "out.jsonl")
    assert (report.from_labels, report.from_judge, report.left_out) == (40, 0, 20)


def test_a_judgment_given_anew_is_what_older_labels_are_compared_with(book: Book) -> None:
    rows = book.rows()
    for row in rows:
        book.label(row, 4)
    book.write()
    book.store.write("DELETE FROM db.judgments", [])
    add_judged(book.store, [4 if n % 2 else 2 for n in range(60)], per_query=3)
    assert checked(book)[".judges[0].figures.exact"].value == 0.5
    (judge,) = measure_agreement(book.store).judges
    assert (judge.labels, judge.seen) == (60, 0)


def test_labels_of_pairs_that_are_gone_are_told_and_count_nowhere(
    book: Book, tmp_path: Path
) -> None:
    pairs = add_judged(book.store, EVERY, per_query=3)
    for pair, grade in zip(pairs, EVERY, strict=True):
        book.label_pair(pair, grade)
    book.write()
    book.store.write("DELETE FROM db.pairs WHERE id <> $1", [pairs[1]])
    told = "29 labels are on pairs that are gone"
    assert any(told in notice for notice in measure_agreement(book.store).notices)
    assert any(told in notice for notice in calibrate(book.store).notices)
    assert "there is one label only" in checked(book)[".judges[0].figures.qwk"].reason
    assert export(book.store, "csv", tmp_path / "out.csv").written == 1
    book.store.write("DELETE FROM db.pairs", [])
    assert measure_agreement(book.store).notices == (
        "30 labels are on pairs that are gone; no figure counts them.",
    )


def test_a_judge_that_always_says_3_is_named_by_a_calibration(book: Book) -> None:
    for pair, grade in zip(add_judged(book.store, [3] * 30, per_query=3), EVERY, strict=True):
        book.label_pair(pair, grade)
    book.write()
    (told,) = calibrate(book.store).notices
    assert told.endswith("gave every labelled pair a 3: its scores cannot tell pairs apart.")


def test_a_judge_that_gave_no_4_has_no_precision_of_its_4s(book: Book) -> None:
    for pair, grade in zip(add_judged(book.store, [3] * 30, per_query=3), EVERY, strict=True):
        book.label_pair(pair, grade)
    found = checked(book)
    precision = found[".judges[0].corpus.precision_good.powered"]
    assert precision.reason == "the judge gave no pair a 4 or more"


def test_one_pair_that_two_people_graded_is_no_agreement(book: Book) -> None:
    (pair,) = add_judged(book.store, [3])
    book.label_pair(pair, 1)
    book.label_pair(pair, 5, "bob")
    found = checked(book)
    assert "only one pair" in found[".alpha"].reason
    assert "only one pair" in found[".annotators[0].figures.exact"].reason
    assert measure_agreement(book.store).notices == (
        "1 pair has grades of two people 3 or more apart; each grade counts.",
    )


def test_pairs_of_a_judge_without_labels_are_told(book: Book) -> None:
    for pair, grade in zip(add_judged(book.store, EVERY, per_query=3), EVERY, strict=True):
        book.label_pair(pair, grade)
    add_judged(book.store, [2, 4], judge="other", start=500)
    book.write()
    told = [one for one in calibrate(book.store).notices if "no calibrated grade" in one]
    assert told == [
        "2 pairs have no calibrated grade: only other scored them, none of whose pairs has a label."
    ]
