"""Files as people have them, through the command line: formats, encodings, columns, refusals."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import duckdb
import pytest

from core.store.opening import open_store
from tests.building import new_workspace
from tui.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path


class Importer:
    """A workspace, and imports into it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        self.workspace = new_workspace(folder / "work").folder
        self.err = ""

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def load(self, path: Path, *words: str, status: int = 0) -> dict[str, object]:
        """Import a file with this exit status and return the report, empty if there is none."""
        found = main(["import", "pairs", str(path), "--json", *words])
        said = self._capsys.readouterr()
        self.err = said.err
        assert found == status, said
        report: dict[str, object] = json.loads(said.out) if said.out else {}
        return report

    def rows(self) -> list[tuple[str, str, int | None]]:
        """Return query, code and score of all pairs, by query."""
        with open_store(self.workspace) as store:
            return store.read(
                "SELECT q.text, d.text, j.score FROM db.pairs AS p"
                " JOIN db.queries AS q ON q.id = p.query_id"
                " JOIN db.documents AS d ON d.id = p.document_id"
                " LEFT JOIN current_judgments AS j ON j.pair_id = p.id ORDER BY ALL"
            )


@pytest.fixture
def importer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Importer:
    made = Importer(tmp_path, capsys)
    monkeypatch.chdir(made.workspace.parent)
    return made


SORT, TRIM = "def sort(xs):\n    return sorted(xs)", "trim = str.strip"


def problems(report: dict[str, object]) -> list[tuple[int, str]]:
    found = report["problems"]
    assert isinstance(found, list)
    return [(problem["line"], problem["reason"]) for problem in found]


@pytest.mark.parametrize(("name", "mark"), [("t.csv", ","), ("t.csv", ";"), ("t.tsv", "\t")])
def test_a_table_is_read_with_the_numbers_of_its_lines(
    importer: Importer, name: str, mark: str
) -> None:
    lines = [
        mark.join(["query", "positive", "llm_score", "distribution"]),
        mark.join(["sort a list", f'"{SORT}"', "4", '"[0,0,0,1,0]"']),
        "",
        mark.join(["too", "few"]),
        mark.join(["trim blanks", TRIM, "", ""]),
        mark.join(["odd", "x", "four", ""]),
    ]
    report = importer.load(importer.write(name, "\r\n".join(lines) + "\r\n"))
    assert (report["read"], report["added"], report["skipped"]) == (4, 3, 1)
    assert problems(report) == [
        (5, "2 cells, and the header has 4"),
        (7, "llm_score is not a number: four; kept as a failed judgment"),
    ]
    assert importer.rows() == [
        ("odd", "x", None),
        ("sort a list", SORT, 4),
        ("trim blanks", TRIM, None),
    ]
    with open_store(importer.workspace) as store:
        assert store.read("SELECT p4 FROM db.judgments WHERE score = 4") == [(1.0,)]


def test_a_quote_that_is_never_closed_is_named(importer: Importer) -> None:
    path = importer.write("t.csv", 'query,positive\nsort,sorted\ntrim,"strip\nadd,x + y\n')
    report = importer.load(path)
    assert (report["added"], report["skipped"]) == (1, 1)
    assert problems(report) == [(3, "not a row of the table: unexpected end of data")]


def test_columns_are_proposed_from_known_names_and_told(importer: Importer) -> None:
    path = importer.write("t.csv", f"Question,document,rating,reason,id\nsort,{TRIM},5,fine,7\n")
    assert importer.load(path)["added"] == 1
    assert (
        "query=Question,positive=document,llm_score=rating,score_reasoning=reason" in importer.err
    )
    assert importer.rows() == [("sort", TRIM, 5)]


def test_own_names_are_not_proposed_again(importer: Importer) -> None:
    line = {"query": "q", "positive": "c", "content": "d", "llm_score": 4, "rating": 1}
    importer.load(importer.write("p.jsonl", json.dumps(line)))
    assert importer.rows() == [("q", "c", 4)]
    assert importer.err == ""


def test_a_map_names_columns_in_any_format(importer: Importer) -> None:
    lines = [
        {"ask": "sort", "said": {"x": 1}, "fn": SORT, "mark's": " 4. "},
        {"ask": "trim", "fn": TRIM, "mark's": None},
    ]
    path = importer.write("p.jsonl", "\n".join(map(json.dumps, lines)))
    importer.load(path, "--map", "query=ask, positive=fn, llm_score=mark's")
    assert importer.rows() == [("sort", SORT, 4), ("trim", TRIM, None)]


def test_a_map_takes_the_place_of_a_column_with_our_name(importer: Importer) -> None:
    path = importer.write("p.jsonl", json.dumps({"query": "no", "ask": "yes", "code": "c"}))
    importer.load(path, "--map", "query=ask")
    assert importer.rows() == [("yes", "c", None)]


@pytest.mark.parametrize(
    ("mapping", "reason"),
    [
        ("query", "a part of --map has no column"),
        ("ask=query", "--map names something that pairs do not have"),
        ("query=a,query=b", "--map names this twice"),
        ("query=absent", "there is no column absent"),
    ],
)
def test_a_wrong_map_is_refused(importer: Importer, mapping: str, reason: str) -> None:
    path = importer.write("p.jsonl", json.dumps({"query": "q", "code": "c"}))
    assert importer.load(path, "--map", mapping, status=2) == {}
    assert reason in importer.err
    assert importer.rows() == []


def test_a_file_without_a_query_or_code_is_refused_with_its_columns(importer: Importer) -> None:
    path = importer.write("p.jsonl", json.dumps({"trace": 1, "value": "0.8", "query": "q"}))
    importer.load(path, status=2)
    assert "no column can be the code" in importer.err
    assert "Its columns: trace, value, query. Name them: --map query=COLUMN" in importer.err


def test_several_columns_that_may_be_the_score_are_not_guessed(importer: Importer) -> None:
    path = importer.write(
        "p.jsonl", json.dumps({"query": "q", "code": "c", "score": 1, "grade": 4})
    )
    importer.load(path, status=2)
    assert "several columns may be the scores: score, grade" in importer.err
    importer.load(path, "--map", "llm_score=grade")
    assert importer.rows() == [("q", "c", 4)]


@pytest.mark.parametrize("content", ["", "\n", "nonsense\n", '{"query": "q", "positive": ""}\n'])
def test_a_file_of_which_nothing_is_taken_has_status_2(importer: Importer, content: str) -> None:
    report = importer.load(importer.write("p.jsonl", content), status=2)
    assert report["added"] == 0
    assert "no pairs were found in" in importer.err


def test_scores_as_people_spell_them(importer: Importer) -> None:
    spelt = ["4", " 4 ", "4.0", "4.", "4/5", "four", "4,5"]
    lines = [{"query": f"q{n}", "code": "c", "llm_score": text} for n, text in enumerate(spelt)]
    report = importer.load(importer.write("p.jsonl", "\n".join(map(json.dumps, lines))))
    assert report["failed_judgments"] == 3
    assert [score for _, _, score in importer.rows()] == [4, 4, 4, 4, None, None, None]
    assert [reason.split(": ")[1] for _, reason in problems(report)] == [
        "4/5; kept as a failed judgment",
        "four; kept as a failed judgment",
        "4,5; kept as a failed judgment",
    ]


LINES = '{"query": "read a café", "positive": "open(p)"}\n{"query": "😀", "positive": "x"}\r\n'
READ = [("read a café", "open(p)", None), ("😀", "x", None)]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
@pytest.mark.parametrize("packed", [False, True])
def test_encodings_and_gzip(importer: Importer, encoding: str, packed: bool) -> None:
    content = LINES.encode(encoding)
    name = "judge.jsonl.gz" if packed else "judge.jsonl"
    report = importer.load(importer.write(name, gzip.compress(content) if packed else content))
    assert (report["added"], report["problems"]) == (2, [])
    assert importer.rows() == READ


def test_a_table_for_a_spreadsheet_may_begin_with_a_mark(importer: Importer) -> None:
    importer.load(importer.write("t.csv", "query,code\na,b\n".encode("utf-8-sig")))
    assert importer.rows() == [("a", "b", None)]


@pytest.mark.parametrize("cut", [5, 30])
def test_a_damaged_gzip_file_is_refused(importer: Importer, cut: int) -> None:
    importer.load(importer.write("p.jsonl.gz", gzip.compress(LINES.encode())[:cut]), status=2)
    assert "the compressed file is damaged" in importer.err
    assert importer.rows() == []


def test_the_judge_of_a_compressed_file_has_the_name_of_the_file(importer: Importer) -> None:
    line = json.dumps({"query": "q", "code": "c", "llm_score": 3}).encode()
    importer.load(importer.write("gpt.jsonl.gz", gzip.compress(line)))
    with open_store(importer.workspace) as store:
        assert store.read("SELECT name FROM db.judges") == [("gpt",)]


ROWS = [{"query": "sort", "positive": SORT, "llm_score": 5}, {"query": "trim", "positive": TRIM}]
ROWS_READ = [("sort", SORT, 5), ("trim", TRIM, None)]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("held", [lambda rows: rows, lambda rows: {"run": {"n": [1], "all": rows}}])
def test_a_json_document_is_read(importer: Importer, indent: int | None, held: object) -> None:
    assert callable(held)
    path = importer.write("p.json", json.dumps(held(ROWS), indent=indent))
    assert importer.load(path)["added"] == 2
    assert importer.rows() == ROWS_READ


def test_what_is_no_object_in_a_list_is_named_by_its_number(importer: Importer) -> None:
    report = importer.load(importer.write("p.json", json.dumps([ROWS[0], 5, ROWS[1]])))
    assert (report["added"], problems(report)) == (2, [(2, "not a JSON object")])


@pytest.mark.parametrize("name", ["p.json", "p.txt", "p"])
def test_json_lines_are_recognised_under_other_names(importer: Importer, name: str) -> None:
    importer.load(importer.write(name, "".join(json.dumps(row) + "\n" for row in ROWS)))
    assert importer.rows() == ROWS_READ


def test_a_file_of_one_object_is_a_pair(importer: Importer) -> None:
    importer.load(importer.write("p.json", json.dumps(ROWS[0], indent=1)))
    assert importer.rows() == ROWS_READ[:1]


@pytest.mark.parametrize("content", ['[{"query": "q"}, {"que', '{"rows": [\n{"query": "q"'])
def test_a_document_that_is_cut_short_is_refused(importer: Importer, content: str) -> None:
    path = importer.write("p.json", content)
    importer.load(path, status=2)
    assert str(path) in importer.err
    assert "JSON" in importer.err
    assert "spill" not in importer.err
    assert not list((importer.workspace / "spill").iterdir())


def test_parquet_is_read_with_its_numbers(importer: Importer) -> None:
    path = importer.folder / "p.parquet"
    duckdb.execute(
        "COPY (SELECT * FROM (VALUES ('sort', 'x', 4::DOUBLE, [0, 0, 0, 1.0, 0]),"
        " ('trim', 'y', 'nan'::DOUBLE, NULL), (NULL, 'z', 3, NULL))"
        f" AS rows(question, code, score, distribution)) TO '{path}' (FORMAT parquet)"
    )
    report = importer.load(path)
    assert (report["added"], report["skipped"]) == (2, 1)
    assert importer.rows() == [("sort", "x", 4), ("trim", "y", None)]
    assert problems(report)[-1] == (3, "no query")


def test_a_damaged_parquet_file_is_refused(importer: Importer) -> None:
    importer.load(importer.write("p.parquet", b"PAR1" + b"x" * 100), status=2)
    assert "the file cannot be read" in importer.err
    assert "spill" not in importer.err


def test_two_scores_of_one_pair_are_reported_with_both_lines(importer: Importer) -> None:
    lines = [
        {"query": "q", "code": "a", "llm_score": 5},
        {"query": "q", "code": "b", "llm_score": 2},
        {"query": "q", "code": "a", "llm_score": 1},
        {"query": "q", "code": "a", "llm_score": 1},
        {"query": "q", "code": "a", "llm_score": 4, "judge": "another"},
        {"query": "q", "code": "a", "llm_score": 5},
    ]
    report = importer.load(importer.write("p.jsonl", "\n\n".join(map(json.dumps, lines))))
    assert problems(report) == [
        (5, "the same pair has the score 5 on line 1; this later score, 1, counts"),
        (11, "the same pair has the score 1 on line 7; this later score, 5, counts"),
    ]
    with open_store(importer.workspace) as store:
        assert store.read(
            "SELECT j.score FROM current_judgments AS j JOIN db.judges AS g ON g.id = j.judge_id"
            " WHERE g.name = 'p' ORDER BY ALL"
        ) == [(2,), (5,)]


def test_a_score_under_the_name_of_an_export_is_asked_for(importer: Importer) -> None:
    line = {"query": "q", "code": "c", "judge_score": 4, "relevance": 1}
    importer.load(importer.write("p.jsonl", json.dumps(line)), status=2)
    assert "several columns may be the scores: judge_score, relevance" in importer.err


def test_a_column_without_a_value_is_named_too(importer: Importer) -> None:
    importer.load(importer.write("t.csv", "id,note,value\n1,,2\n"), status=2)
    assert "Its columns: id, note, value." in importer.err
