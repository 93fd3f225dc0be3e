from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tui.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    code = tmp_path / "code"
    code.mkdir()
    (code / "watch.py").write_text("def watch(path):\n    return path\n")
    lines = [
        {"query": "seeing changes", "file_path": "watch.py", "func_name": "watch", "llm_score": 5},
        {"query": "seeing changes", "positive": "x = 1", "llm_score": 0},
        {"query": "no code"},
    ]
    text = "\n".join(json.dumps(line) for line in lines) + '\n{"query": "cut'
    (tmp_path / "gpt.jsonl").write_text(text)
    spec = {"queries": [{"query": "file changes", "relevant": ["watch.py", "gone.py"]}]}
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> dict[str, object]:
    assert main([*words, "--json"]) == status
    answer: dict[str, object] = json.loads(capsys.readouterr().out)
    return answer


def test_the_three_imports_and_an_export(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus = told(capsys, "import", "corpus", "code")
    assert (corpus["read"], corpus["added"], corpus["problems"]) == (1, 1, [])

    pairs = told(capsys, "import", "pairs", "gpt.jsonl", "--strict", status=1)
    assert (pairs["read"], pairs["added"], pairs["skipped"]) == (4, 2, 2)
    assert pairs["failed_judgments"] == 1
    problems = pairs["problems"]
    assert isinstance(problems, list)
    assert [problem["line"] for problem in problems] == [3, 4]
    assert problems[0]["file"] == str(folder / "gpt.jsonl")

    spec = told(capsys, "import", "spec", "spec.json")
    assert (spec["added"], spec["skipped"]) == (1, 0)
    assert "gone.py" in str(spec["problems"])

    export = told(capsys, "export", "jsonl", "out.jsonl")
    assert (export["written"], export["left_out"]) == (1, 1)
    line = json.loads((folder / "out.jsonl").read_text())
    assert (line["judge"], line["llm_score"], line["file_path"]) == ("gpt", 5, "watch.py")


def test_problems_are_told_by_file_and_line_on_stderr(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", "pairs", "gpt.jsonl"]) == 0
    captured = capsys.readouterr()
    assert f"{folder / 'gpt.jsonl'}:3: " in captured.err
    assert "skipped" in captured.out


@pytest.mark.parametrize(
    "words",
    [
        ["import", "pairs", "absent.jsonl"],
        ["import", "pairs", "code"],
        ["import", "corpus", "gpt.jsonl"],
        ["import", "spec", "gpt.jsonl"],
        ["import", "nonsense", "x"],
        ["import"],
        ["export", "xml", "out"],
        ["export", "csv", "absent/out.csv"],
    ],
)
def test_a_mistake_is_told_and_leaves_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert main(["init"]) == 0
    capsys.readouterr()
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("rejudge: ")
    status = told(capsys, "status")
    assert (status["documents"], status["queries"], status["pairs"]) == (0, 0, 0)


def test_a_missing_file_makes_no_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["import", "pairs", "absent.jsonl"]) == 2
    assert list(tmp_path.iterdir()) == []
