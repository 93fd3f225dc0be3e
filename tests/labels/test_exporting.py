from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import duckdb
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.records import Action
from core.store.opening import open_store
from labels.audit.recording import LabelRecorder
from labels.exporting import WRITERS, ExportPlan, export
from labels.pairs.importing import import_pairs
from tests.building import Scored, add_scored, named_judge, new_workspace

if TYPE_CHECKING:
    from core.store.database import Store

ROWS = (
    Scored("a", "def a(): ...", 4, path="pkg/a.py", symbol="a", rationale="does a"),
    Scored("b", "def b(): ...", 2, path="pkg/b.py", symbol="b"),
    Scored("c", "def c(): ...", None, path="pkg/c.py", symbol="c"),
    Scored("d", "snippet", 0, path="", symbol=""),
)


@pytest.fixture
def store(store: Store) -> Store:
    add_scored(store, ROWS)
    return store


def grade(store: Store, row: Scored, annotator: str, value: int) -> None:
    (judgment,) = store.read(
        "SELECT id, score FROM db.judgments WHERE pair_id = $1", [UUID(row.pair_id)]
    ) or [(None, None)]
    LabelRecorder(store, annotator).grade(UUID(row.pair_id), value, None)
    assert judgment


def exported(store: Store, folder: Path, plan: ExportPlan | None = None) -> list[dict[str, object]]:
    target = folder / "out.jsonl"
    report = export(store, "jsonl", target, plan)
    lines = [json.loads(line) for line in target.read_text().splitlines()]
    sources = report.from_labels + report.from_calibration + report.from_judge
    assert report.written == len(lines) == sources
    assert report.written + report.left_out == len(ROWS)
    return lines


def test_a_label_stands_above_the_score_and_says_so(store: Store, tmp_path: Path) -> None:
    grade(store, ROWS[0], "ada", 1)
    lines = {line["query"]: line for line in exported(store, tmp_path)}
    assert set(lines) == {"a", "b"}
    first, second = lines["a"], lines["b"]
    assert (first["llm_score"], first["judge_score"], first["grade_source"]) == (1, 4, "label")
    assert (first["annotators"], first["grades"], first["judge"]) == (["ada"], [1], "gpt")
    assert (first["positive"], first["file_path"], first["func_name"]) == (
        "def a(): ...",
        "pkg/a.py",
        "a",
    )
    assert first["score_reasoning"] == "does a"
    assert (second["llm_score"], second["grade_source"], second["annotators"]) == (2, "judge", None)


def test_an_undone_label_does_not_count(store: Store, tmp_path: Path) -> None:
    grade(store, ROWS[0], "ada", 1)
    LabelRecorder(store, "ada").undo()
    assert {line["grade_source"] for line in exported(store, tmp_path)} == {"judge"}


@pytest.mark.parametrize(
    ("grades", "counts"), [((5,), 5), ((5, 2), 3.5), ((1, 4, 4), 3), ((2, 2, 3, 5), 3)]
)
def test_several_annotators_make_their_mean(
    store: Store, tmp_path: Path, grades: tuple[int, ...], counts: int
) -> None:
    for number, value in enumerate(grades):
        grade(store, ROWS[0], f"annotator {number}", value)
    (line,) = (line for line in exported(store, tmp_path) if line["query"] == "a")
    assert line["llm_score"] == counts
    assert line["grades"] == list(grades)


def test_failed_and_unjudged_pairs_are_left_out_until_somebody_grades(
    store: Store, tmp_path: Path
) -> None:
    grade(store, ROWS[2], "ada", 3)
    lines = {line["query"]: line for line in exported(store, tmp_path)}
    assert lines["c"]["llm_score"] == 3
    assert lines["c"]["judge_score"] is None
    assert "d" not in lines


def test_plans_narrow(store: Store, tmp_path: Path) -> None:
    grade(store, ROWS[1], "ada", 2)
    LabelRecorder(store, "ada").mark(UUID(ROWS[0].pair_id), Action.FLAG)
    assert [
        line["query"] for line in exported(store, tmp_path, ExportPlan(only_labelled=True))
    ] == ["b"]
    plan = ExportPlan(without_flagged=True)
    assert [line["query"] for line in exported(store, tmp_path, plan)] == ["b"]
    with pytest.raises(InputError, match="no judge other"):
        exported(store, tmp_path, ExportPlan(judge_name="other"))


def test_another_judges_scores_on_request(store: Store, tmp_path: Path) -> None:
    add_scored(
        store, [Scored("a", "def a(): ...", 5, path="pkg/a.py", symbol="a")], named_judge("b")
    )
    (line,) = exported(store, tmp_path, ExportPlan(judge_name="b"))
    assert (line["judge"], line["llm_score"]) == ("b", 5)


def test_parquet_and_csv_hold_the_same_rows(store: Store, tmp_path: Path) -> None:
    grade(store, ROWS[0], "ada", 1)
    lines = exported(store, tmp_path)
    export(store, "parquet", tmp_path / "out.parquet")
    export(store, "csv", tmp_path / "out.csv")
    table = duckdb.execute(f"SELECT * FROM '{tmp_path / 'out.parquet'}'")
    columns = [column[0] for column in table.description or ()]
    rows = [dict(zip(columns, row, strict=True)) for row in table.fetchall()]
    assert rows == lines
    with (tmp_path / "out.csv").open(newline="") as file:
        texts = list(csv.DictReader(file))
    assert [row["positive"] for row in texts] == [line["positive"] for line in lines]
    assert [int(row["llm_score"]) for row in texts] == [line["llm_score"] for line in lines]


def test_qrels_take_the_best_grade_of_a_path_and_0_for_irrelevant(
    store: Store, tmp_path: Path
) -> None:
    add_scored(
        store,
        [
            Scored("a", "other", 1, path="pkg/a.py", symbol="x"),
            Scored("a", "third", 1, path="with space.py", symbol="y"),
        ],
    )
    target = tmp_path / "all.qrels"
    export(store, "qrels", target)
    lines = [line.split(" ") for line in target.read_text().splitlines()]
    names = dict(
        line.split("\t") for line in Path(f"{target}.queries.tsv").read_text().splitlines()
    )
    assert sorted((names[query], path, int(grade)) for query, _, path, grade in lines) == [
        ("a", "pkg/a.py", 3),
        ("a", "with%20space.py", 0),
        ("b", "pkg/b.py", 1),
    ]


@pytest.mark.parametrize(
    ("grades", "gain"), [((4,), 3), ((4, 5), 3), ((2, 5), 2), ((4, 5, 5), 4), ((1, 2), 0)]
)
def test_qrels_are_whole_and_of_a_half_the_lower(
    store: Store, tmp_path: Path, grades: tuple[int, ...], gain: int
) -> None:
    for number, value in enumerate(grades):
        grade(store, ROWS[0], f"annotator {number}", value)
    target = tmp_path / "all.qrels"
    export(store, "qrels", target)
    (line,) = (line for line in target.read_text().splitlines() if "pkg/a.py" in line)
    assert line.endswith(f" {gain}")


HOSTILE = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30)


@settings(max_examples=6, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(
    rows=st.lists(
        st.builds(
            Scored,
            HOSTILE.map("q{}".format),
            HOSTILE.map("x{}".format),
            st.integers(1, 5),
            path=HOSTILE,
            symbol=HOSTILE,
            rationale=HOSTILE,
        ),
        min_size=1,
        max_size=5,
        unique_by=lambda row: row.pair_id,
    )
)
def test_what_is_exported_comes_back_in_without_loss(
    rows: list[Scored], tmp_path_factory: pytest.TempPathFactory
) -> None:
    first = tmp_path_factory.mktemp("first")
    with open_store(new_workspace(first).folder) as store:
        add_scored(store, rows)
        for form in ("jsonl", "csv", "parquet"):
            export(store, form, first / f"out.{form}")
        before = facts(store)
    for form in ("jsonl", "csv", "parquet"):
        folder = tmp_path_factory.mktemp("second")
        with open_store(new_workspace(folder).folder) as store:
            report = import_pairs(store, first / f"out.{form}")
            assert report.problems == ()
            assert facts(store) == before


def facts(store: Store) -> list[tuple[object, ...]]:
    return store.read(
        "SELECT p.id, q.text, q.kind, d.path, d.symbol, d.language, d.text, j.score, g.name"
        " FROM db.pairs AS p JOIN db.queries AS q ON q.id = p.query_id"
        " JOIN db.documents AS d ON d.id = p.document_id"
        " JOIN db.judgments AS j ON j.pair_id = p.id JOIN db.judges AS g ON g.id = j.judge_id"
        " ORDER BY p.id"
    )


@pytest.mark.parametrize("form", list(WRITERS))
def test_a_target_that_cannot_be_is_an_error_and_leaves_nothing(
    store: Store, tmp_path: Path, form: str
) -> None:
    for target in (tmp_path, tmp_path / "absent" / "x"):
        with pytest.raises(InputError):
            export(store, form, target)
    assert not list(tmp_path.glob("*unfinished*"))
    assert not list((tmp_path / ".rejudge" / "spill").glob("*"))


def test_a_failing_copy_keeps_the_old_file(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out.jsonl"
    target.write_text("old")

    def full(_source: Path, beside: Path) -> None:
        beside.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("labels.exporting.shutil.copyfile", full)
    with pytest.raises(InputError, match="No space left"):
        export(store, "jsonl", target)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir() if path.name != ".rejudge"] == ["out.jsonl"]
