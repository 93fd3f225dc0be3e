"""``import rejudge``: what a script or a notebook may use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

import rejudge
from core.store.opening import open_workspace_store
from eval.specs import add_spec as store_spec
from labels.audit.recording import LabelRecorder
from tests.building import Scored, add_scored, new_workspace
from tests.eval.eval_building import add_corpus, add_spec, asked

if TYPE_CHECKING:
    from core.workspace import Workspace

HOUSE = Path(__file__).parents[1]
FILES = {
    "watch.py": "def watch(path):\n    return poll(path)\n",
    "cache.py": "def remember(value):\n    return store(value)\n",
}
ROWS = (
    Scored("notice changed files", FILES["watch.py"], 5, path="watch.py", symbol="watch"),
    Scored("notice changed files", FILES["cache.py"], 2, path="cache.py", symbol="remember"),
    Scored("keep earlier results", FILES["cache.py"], None, path="cache.py", symbol="remember"),
)


@pytest.fixture
def made(tmp_path: Path) -> Workspace:
    """Make a workspace with judged pairs, one label and a spec."""
    workspace = new_workspace(tmp_path)
    with open_workspace_store(workspace) as store:
        add_corpus(store, FILES)
        add_scored(store, ROWS)
        LabelRecorder(store, "ann").grade(UUID(ROWS[0].pair_id), 4, None)
        wanted = asked("poll a path", "watch.py"), asked("keep earlier results", "cache.py")
        store_spec(store, add_spec(store, *wanted, name="searches"))
    return workspace


def test_tables_are_rows_arrow_streams_and_relations(made: Workspace) -> None:
    with rejudge.open(made.root) as workspace:
        pairs = workspace.pairs()
        assert len(pairs) == 3
        assert {(pair.query, pair.path) for pair in pairs} == {(r.query, r.path) for r in ROWS}
        assert "arrow_array_stream" in repr(pairs.__arrow_c_stream__())
        assert pairs.relation().filter("path = 'cache.py'").fetchall()[0][4] == "remember"
        scores = {(ruling.score, ruling.failure) for ruling in workspace.judgments()}
        assert scores == {(5, None), (2, None), (None, "parse_error")}
        (given,) = workspace.labels()
        assert (given.grade, given.annotator, given.adjudicated) == (4, "ann", False)
        assert list(workspace.calibrated_grades()) == []


def test_measuring_evaluating_and_the_misses(made: Workspace) -> None:
    with rejudge.open(made.root) as workspace:
        (judge,) = workspace.agreement().judges
        assert (judge.judge.name, judge.labels) == ("gpt", 1)
        assert workspace.calibrate().calibration is None
        done = workspace.evaluate("searches", k=1)
        assert done.summary.figures["R@1"].value == 0.5
        (miss,) = workspace.misses(done)
        assert miss.result.query.text == "keep earlier results"
        assert workspace.misses() == workspace.misses(workspace.evals()[0]) == (miss,)
        training_set, summary = workspace.training_set()
        assert [count.pairs for count in summary.pairs] == [len(training_set.pairs)] == [1]


def test_what_is_not_there_is_said(made: Workspace, tmp_path: Path) -> None:
    with rejudge.open(made.root) as workspace:
        with pytest.raises(rejudge.RejudgeError, match="no retriever 'bm25'"):
            workspace.evaluate("searches", "bm25")
        with pytest.raises(rejudge.RejudgeError):
            workspace.evaluate("other")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (made.folder).rename(tmp_path / "gone")
    with pytest.raises(rejudge.RejudgeError, match="workspace"):
        rejudge.open(elsewhere)


def test_the_version_is_the_installed_one() -> None:
    assert rejudge.__version__ == version("rejudge")
    with pytest.raises(AttributeError):
        _ = rejudge.__absent__


def test_the_page_is_made_from_the_docstrings() -> None:
    spec = spec_from_file_location("write_api", HOUSE / "docs" / "write_api.py")
    assert spec is not None
    assert spec.loader is not None
    writer: Any = module_from_spec(spec)
    spec.loader.exec_module(writer)
    assert writer.PAGE.read_text(encoding="utf-8") == writer.page()


def test_the_notebook_runs(made: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made.root)
    notebook = json.loads((HOUSE / "docs" / "example.ipynb").read_text(encoding="utf-8"))
    names: dict[str, Any] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)  # noqa: S102 - our own notebook
    assert names["evaluated"].summary.spec_name == "searches"


@pytest.fixture
def decoys(tmp_path: Path) -> Path:
    """Make a folder where every name that rejudge imports is somebody else's."""
    folder = tmp_path / "decoys"
    for name in ("core", "labels", "eval", "tui"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text("raise SystemExit('a decoy was imported')")
    (folder / "train.py").write_text("raise SystemExit('a decoy was imported')")
    return folder


@pytest.mark.parametrize(
    "words",
    [
        ("-m", "rejudge", "--version"),
        ("-c", "import rejudge, train.config; print('rejudge', train.config.__file__)"),
        (str(HOUSE / "rejudge.py"), "--version"),
        (str(HOUSE / "rejudge.py"), "--module", "tui.cli.main", "--version"),
    ],
)
def test_folders_of_the_same_names_are_never_imported(decoys: Path, words: list[str]) -> None:
    """Not from the working folder, nor from a PYTHONPATH that names it before all others."""
    path = f"{decoys}{os.pathsep}{HOUSE}"
    done = subprocess.run(
        [sys.executable, *words],
        cwd=decoys,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("rejudge ")


def test_a_package_that_took_the_name_first_is_named(decoys: Path) -> None:
    (decoys / "core" / "__init__.py").write_text("")
    done = subprocess.run(
        [sys.executable, "-c", "import core, rejudge"],
        cwd=decoys,
        env={**os.environ, "PYTHONPATH": str(HOUSE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Import rejudge first" in done.stderr


def test_children_never_import_a_decoy(decoys: Path, made: Workspace) -> None:
    """The parser of a corpus import is a child process of rejudge's own."""
    (decoys / "code").mkdir()
    (decoys / "code" / "a.py").write_text("def f():\n    return 1\n")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "rejudge", "--workspace", str(made.root)),
            *("import", "corpus", "code", "--json"),
        ],
        cwd=decoys,
        env={**os.environ, "PYTHONPATH": f"{decoys}{os.pathsep}{HOUSE}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["problems"] == []
