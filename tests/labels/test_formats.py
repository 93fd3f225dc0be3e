"""A new format, in or out, is a function and an entry in a registry."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from labels.exporting import WRITERS, Writer
from labels.pairs.formats import READERS, Reader
from tests.building import new_workspace
from tui.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

    from core.store.database import Store


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    new_workspace(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read_arrows(_store: Store, source: Path, target: Path) -> dict[int, str]:
    """Read lines such as ``query -> code``."""
    wrong = {}
    with target.open("w") as file:
        for number, line in enumerate(source.read_text().splitlines(), start=1):
            query, arrow, code = line.partition(" -> ")
            if not arrow:
                wrong[number] = "no arrow"
            file.write(json.dumps({"query": query, "positive": code} if arrow else {}) + "\n")
    return wrong


def write_count(store: Store, graded: str, target: Path) -> int:
    """Write the number of pairs."""
    ((count,),) = store.read(f"{graded} SELECT count(*) FROM graded")
    target.write_text(str(count))
    return 1


def test_a_reader_in_the_registry_is_listed_recognised_and_used(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    toy = Reader("arrows", "query -> code", lambda name, _: name.endswith(".arrows"), read_arrows)
    monkeypatch.setitem(READERS, "arrows", toy)
    (folder / "toy.arrows").write_text("sort -> sorted(x)\nnothing\nadd -> x + y\n")
    assert main(["import", "--list"]) == 0
    assert "query -> code" in capsys.readouterr().out
    assert main(["import", "pairs", "toy.arrows", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["added"], report["skipped"]) == (2, 1)
    assert [(found["line"], found["reason"]) for found in report["problems"]] == [(2, "no arrow")]
    (folder / "toy.txt").write_text("sort -> list.sort\n")
    assert main(["import", "pairs", "toy.txt", "--format", "arrows"]) == 0


def test_a_writer_in_the_registry_is_listed_and_used(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(WRITERS, "count", Writer("count", "the number of pairs", write_count))
    (folder / "pairs.jsonl").write_text('{"query": "q", "positive": "c", "llm_score": 4}\n')
    assert main(["import", "pairs", "pairs.jsonl"]) == 0
    assert main(["export", "--list"]) == 0
    assert "the number of pairs" in capsys.readouterr().out
    assert main(["export", "count", "out.txt", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["written"] == 1
    assert (folder / "out.txt").read_text() == "1"


def test_an_unknown_format_is_refused_with_the_known_ones(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "pairs.jsonl").write_text('{"query": "q", "positive": "c"}\n')
    assert main(["import", "pairs", "pairs.jsonl", "--format", "xml"]) == 2
    assert "takes jsonl, json, csv, tsv or parquet" in capsys.readouterr().err
    assert main(["export", "xml", "out.xml"]) == 2
    assert "jsonl" in capsys.readouterr().err
