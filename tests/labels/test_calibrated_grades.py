"""Calibrated grades in exports: where each grade came from, and the same as in a training set."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING
from uuid import UUID

import duckdb
import pytest

from core.ids import content_id
from core.store.opening import open_store
from labels.audit.recording import LabelRecorder
from labels.exporting import ExportPlan, ExportReport, Grades, export
from labels.pairs.importing import import_pairs
from tests.building import Scored, add_scored, new_workspace
from tests.train.dataset.example import calibrate
from train.dataset.building import grade_pairs
from train.dataset.records import TrainingSetPlan
from tui.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

    from core.store.database import Store

ROWS = (
    Scored("a", "def a(): ...", 4, path="pkg/a.py", symbol="a"),
    Scored("b", "def b(): ...", 2, path="pkg/b.py", symbol="b"),
    Scored("c", "def c(): ...", 5, path="pkg/c.py", symbol="c"),
    Scored("d", "def d(): ...", 1, path="pkg/d.py", symbol="d"),
)
TOLD = (0.0, 0.25, 0.5, 0.25, 0.0)
SURE = (0.0, 0.0, 0.0, 0.0, 1.0)
BEST = ExportPlan(grades=Grades.BEST)


@pytest.fixture
def store(store: Store) -> Store:
    """Give four scored pairs: a has labels of two people, b and c calibrated grades, d neither."""
    add_scored(store, ROWS)
    for annotator, grade in (("ada", 5), ("bob", 2)):
        LabelRecorder(store, annotator).grade(UUID(ROWS[0].pair_id), grade, None)
    told = {ROWS[0].pair_id: SURE, ROWS[1].pair_id: TOLD, ROWS[2].pair_id: SURE}
    calibrate(store, told)
    return store


def exported(
    store: Store, folder: Path, plan: ExportPlan
) -> tuple[ExportReport, dict[str, dict[str, object]]]:
    target = folder / "out.jsonl"
    report = export(store, "jsonl", target, plan)
    lines = [json.loads(line) for line in target.read_text().splitlines()]
    return report, {line["query"]: line for line in lines}


def test_a_calibrated_grade_says_all_of_itself_and_a_label_stands_above_it(
    store: Store, tmp_path: Path
) -> None:
    report, lines = exported(store, tmp_path, BEST)
    assert (report.from_labels, report.from_calibration, report.from_judge) == (1, 2, 1)
    assert {query: line["grade_source"] for query, line in lines.items()} == {
        "a": "label",
        "b": "calibrated",
        "c": "calibrated",
        "d": "judge",
    }
    assert {query: line["llm_score"] for query, line in lines.items()} == {
        "a": 3.5,
        "b": 3,
        "c": 5,
        "d": 1,
    }
    calibrated = lines["b"]
    assert calibrated["calibration"] == str(content_id("calibration"))
    assert calibrated["calibration_method"] == "identity"
    assert calibrated["grade_distribution"] == list(TOLD)
    assert (calibrated["grade_low"], calibrated["grade_high"]) == (1, 5)
    assert (calibrated["judge"], calibrated["judge_score"]) == ("gpt", 2)
    for query in ("a", "d"):
        assert lines[query]["calibration"] is None
        assert lines[query]["grade_distribution"] is None


def test_scores_stay_scores_until_calibrated_grades_are_asked_for(
    store: Store, tmp_path: Path
) -> None:
    report, lines = exported(store, tmp_path, ExportPlan())
    assert report.from_calibration == 0
    assert lines["b"]["llm_score"] == 2
    assert lines["b"]["grade_source"] == "judge"
    assert lines["b"]["calibration"] is None
    assert any("2 pairs with a judge's score have a calibrated" in one for one in report.notices)
    assert set(exported(store, tmp_path, ExportPlan(only_labelled=True))[1]) == {"a"}


def test_whole_grades_are_written_whole(store: Store, tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    export(store, "jsonl", target, BEST)
    assert '"llm_score":5,' in target.read_text()
    assert '"llm_score":3.5,' in target.read_text()


def test_every_format_holds_the_same_grades(store: Store, tmp_path: Path) -> None:
    _, lines = exported(store, tmp_path, BEST)
    for form in ("parquet", "csv", "qrels"):
        export(store, form, tmp_path / f"out.{form}", BEST)
    table = duckdb.execute(f"SELECT * FROM '{tmp_path / 'out.parquet'}'")
    columns = [column[0] for column in table.description or ()]
    rows = [dict(zip(columns, row, strict=True)) for row in table.fetchall()]
    assert rows == list(lines.values())
    with (tmp_path / "out.csv").open(newline="") as file:
        texts = {row["query"]: row for row in csv.DictReader(file)}
    assert {query: row["llm_score"] for query, row in texts.items()} == {
        "a": "3.5",
        "b": "3",
        "c": "5",
        "d": "1",
    }
    assert texts["b"]["calibration_method"] == "identity"
    gains = [line.split()[2:] for line in (tmp_path / "out.qrels").read_text().splitlines()]
    assert sorted(gains) == [
        ["pkg/a.py", "2"],
        ["pkg/b.py", "2"],
        ["pkg/c.py", "4"],
        ["pkg/d.py", "0"],
    ]


def test_an_export_and_a_training_set_take_the_same_grades(store: Store, tmp_path: Path) -> None:
    _, lines = exported(store, tmp_path, BEST)
    judges = [row[0] for row in store.read("SELECT id FROM db.judges")]
    with store.snapshot() as cursor:
        grade_pairs(cursor, TrainingSetPlan(judge_scores=True, least_weight=0), judges)
        trained = cursor.execute(
            "SELECT query.text, grade, source FROM graded"
            " JOIN db.queries AS query ON query.id = graded.query_id"
        ).fetchall()
    assert {query: (grade, source) for query, grade, source in trained} == {
        query: (line["llm_score"], line["grade_source"]) for query, line in lines.items()
    }


def test_the_judges_own_score_comes_back_in(store: Store, tmp_path: Path) -> None:
    exported(store, tmp_path, BEST)
    with open_store(new_workspace(tmp_path / "second").folder) as other:
        assert import_pairs(other, tmp_path / "out.jsonl").problems == ()
        scores = other.read(
            "SELECT query.text, score FROM db.judgments AS judgment"
            " JOIN db.pairs AS pair ON pair.id = judgment.pair_id"
            " JOIN db.queries AS query ON query.id = pair.query_id ORDER BY 1"
        )
    assert scores == [(row.query, row.score) for row in ROWS]


def test_opposite_grades_and_a_missing_calibration_are_told(tmp_path: Path, store: Store) -> None:
    report, _ = exported(store, tmp_path, BEST)
    assert any("1 pair has grades of two people 3 or more apart" in one for one in report.notices)
    with open_store(new_workspace(tmp_path / "fresh").folder) as fresh:
        add_scored(fresh, ROWS)
        report, _ = exported(fresh, tmp_path, BEST)
    assert report.from_judge == 4
    assert report.notices == (
        "There is no calibration yet, so judges' scores are written: rejudge calibrate.",
    )


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with open_store(new_workspace(tmp_path).folder) as opened:
        add_scored(opened, ROWS)
        calibrate(opened, {ROWS[1].pair_id: TOLD})
    assert main(["export", "jsonl", "a.jsonl", "--grades", "best", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["from_labels"], answer["from_calibration"], answer["from_judge"]) == (0, 1, 3)
    assert main(["export", "csv", "a.csv"]) == 0
    assert "--grades best" in capsys.readouterr().out
    assert main(["export", "csv", "a.csv", "--grades", "worst"]) == 2
