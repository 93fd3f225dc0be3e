"""Workspaces, code and files whose names mean something to a shell, SQL, DuckDB or a terminal."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import pytest

from core.store.database import DATABASE_NAME
from core.store.opening import open_workspace_store
from core.store.recovery import restore
from core.workspace import Workspace
from tui.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [
    "what?",
    "a?READ_ONLY=1&b#c",
    "back\\slash",
    "st*r [ab] {a,b}",
    '50%20 #hash it\'s "quoted"; $HOME',
    "-new\nline\tand\x1b[31mcolour\x07",
    "~naïve 日本 🦀 [@click=app.quit]x[b]",
    "postgres:x",
    pytest.param(
        os.fsdecode(b"latin-\xe9"),
        marks=pytest.mark.skipif(sys.platform == "darwin", reason="no such names there"),
        id="latin",
    ),
]
CODE = "def f():\n    return 1\n\n\ndef g():\n    return 2\n"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("REJUDGE_ANNOTATOR", "ada")


def pairs_file(path: Path) -> Path:
    lines = [
        {"query": "q one", "file_path": "a.py", "func_name": "f", "llm_score": 4},
        {"query": "q two", "positive": "code", "llm_score": 2},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.mark.own_file
@pytest.mark.parametrize("name", NAMES)
def test_the_whole_loop_in_a_folder_of_that_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / name
    (folder / "code" / name).mkdir(parents=True)
    (folder / "code" / "a.py").write_text(CODE)
    pairs = pairs_file(folder / f"{name}.jsonl")
    pairs_file(folder / "other.jsonl")
    pairs_file(tmp_path / "other.jsonl")
    monkeypatch.chdir(folder)

    def told(*words: str) -> dict[str, object]:
        assert main([*words, "--json"]) == 0
        answer: dict[str, object] = json.loads(capsys.readouterr().out)
        return answer

    assert told("init")["created"] is True
    assert told("import", "corpus", "code")["read"] == 2
    assert told("import", "pairs", str(pairs))["added"] == 2
    pair = str(told("next")["pair"])
    assert told("label", pair, "5", "--note", "n")["grade"] == 5
    assert told("export", "jsonl", f"./{name}.out.jsonl", "--grades", "best")["written"] == 2
    status = told("status", "--workspace", str(folder))
    assert (status["pairs"], status["documents"]) == (2, 3)
    assert main(["status"]) == 0
    assert "\x1b" not in capsys.readouterr().out

    workspace = Workspace(folder)
    with open_workspace_store(workspace) as store:
        store.back_up()
    (workspace.folder / DATABASE_NAME).write_bytes(b"")
    restored = restore(workspace.folder)
    assert (restored.backup is not None, restored.events) == (True, 1)
    assert sorted(each.name for each in tmp_path.iterdir() if each.is_dir()) == sorted(
        {name, *(["data"] if (tmp_path / "data").exists() else [])}
    )


@pytest.mark.own_file
def test_a_folder_that_duckdb_cannot_open_keeps_its_data_elsewhere_and_each_its_own(
    tmp_path: Path,
) -> None:
    for name in ("a?", "a?", "b/a?"):
        Workspace(tmp_path / name).create()
    first, second = Workspace(tmp_path / "a?").folder, Workspace(tmp_path / "b" / "a?").folder
    assert first.is_symlink()
    assert first.resolve().parent == second.resolve().parent == tmp_path / "data" / "rejudge"
    assert first.resolve() != second.resolve()
    assert first.resolve().stat().st_mode & 0o077 == 0
    plain = Workspace(tmp_path / "plain")
    plain.create()
    assert not plain.folder.is_symlink()


@pytest.mark.parametrize(
    "words",
    [
        ["next", "--filter", "caf\udce9"],
        ["next", "--annotator", "caf\udce9"],
        ["next", "--judge", "caf\udce9"],
        ["label", "caf\udce9", "3"],
        ["agreement", "--judge", "caf\udce9"],
        ["eval", "caf\udce9"],
        ["misses", "caf\udce9"],
        ["runs", "caf\udce9"],
        ["export", "caf\udce9", "caf\udce9"],
        ["import", "pairs", "pairs.jsonl", "--judge", "caf\udce9"],
        ["import", "corpus", ".", "--exclude", "caf\udce9"],
        ["caf\udce9"],
        ["--workspace", "caf\udce9", "status"],
        ["--workspace", "~nobody-of-this-name", "status"],
    ],
    ids=lambda words: " ".join(words).encode("ascii", "replace").decode(),
)
def test_words_that_are_not_utf8_are_an_answer_or_an_error_never_a_traceback(
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    pairs_file(tmp_path / "pairs.jsonl").write_text('{"query": "q", "positive": "c"}\n')
    assert main(["init"]) == 0
    assert main(words) in {0, 2}
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    (told.out + told.err).encode()
