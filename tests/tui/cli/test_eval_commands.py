from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import cast

import pytest

from core.store.opening import open_store
from tests.building import new_workspace
from tests.eval.eval_building import FILES, add_corpus
from tests.tui.misses_driving import AFTER, workspace_with_evals
from tui.cli.main import main

SPEC = {
    "corpus": "crates",
    "queries": [
        {"query": "poll changes on disk", "relevant": ["watcher.rs"], "kind": "semantic"},
        {"query": "listen socket", "relevant": ["server.rs"], "kind": "keyword", "id": "s"},
        {"query": "remembering previous computations", "relevant": ["project.rs"]},
        {"query": "gone", "relevant": ["dedup.rs"]},
        {"query": "", "relevant": ["server.rs"]},
    ],
}


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    with open_store(new_workspace(tmp_path).folder) as store:
        add_corpus(store, FILES)
    (tmp_path / "spec.json").write_text(json.dumps(SPEC), encoding="utf-8")
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    assert main([*words, "--json"]) == 0
    captured = capsys.readouterr()
    answer: dict[str, object] = json.loads(captured.out)
    return answer


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main([*words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) <= 2
    return captured.err


def test_slow_encoding_is_announced_before_it_begins(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.encoder.blas.slowness", lambda: "slow: install OpenBLAS")
    main(["eval", "spec.json", "--model", "no/such/encoder"])
    assert capsys.readouterr().err.splitlines()[0] == "slow: install OpenBLAS"
    assert main(["eval", "spec.json"]) == 0
    assert "slow" not in capsys.readouterr().err


def test_an_eval_tells_figures_results_and_problems(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = told(capsys, "eval", "spec.json")
    assert (done["retriever"], done["queries"], done["scored"]) == ("lexical", 4, 3)
    metrics = cast("dict[str, dict[str, float]]", done["metrics"])
    assert list(metrics) == ["P@1", "R@5", "R@10", "Success@10", "MRR", "nDCG@10"]
    assert metrics["Success@10"]["value"] == pytest.approx(2 / 3)
    by_kind = cast("dict[str, dict[str, dict[str, float]]]", done["by_kind"])
    recall = by_kind["keyword"]["R@10"]
    assert recall == {"value": 1, "low": pytest.approx(0.025), "high": 1}
    results = cast("list[dict[str, object]]", done["results"])
    first = results[0]
    assert (first["query"], first["kind"], first["rank"]) == ("poll changes on disk", "semantic", 1)
    assert first["relevant"] == ["watcher.rs"]
    assert cast("list[str]", first["top"])[0] == "src/watcher.rs"
    notices = "\n".join(cast("list[str]", done["notices"]))
    assert "dedup.rs" in notices
    assert "query 5" in notices
    # The spec came in on the way, so its name will do now.
    assert told(capsys, "eval", "spec")["metrics"] == metrics
    evals = cast("list[dict[str, object]]", told(capsys, "eval")["evals"])
    assert len(evals) == 2
    assert told(capsys, "status")["evals"] == 2


def test_two_evals_are_compared(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = folder / "run.txt"
    run.write_text("s Q0 src/project.rs 1 1 t\nq3 Q0 src/project.rs 1 1 t\n", encoding="utf-8")
    first = told(capsys, "eval", "spec.json")
    second = told(capsys, "eval", "spec", "--run-file", str(run))
    assert second["retriever"] == "run"
    found = told(capsys, "compare", str(first["eval"]), "latest")
    broken = cast("list[dict[str, object]]", found["broken"])
    assert {each["query"] for each in broken} == {"poll changes on disk", "listen socket"}
    fixed = cast("list[dict[str, object]]", found["fixed"])
    assert [each["query"] for each in fixed] == ["remembering previous computations"]
    deltas = cast("list[dict[str, object]]", found["deltas"])
    assert [each["change"] for each in deltas] == ["broken", "broken", "fixed"]
    assert main(["compare", "previous", "latest"]) == 0
    assert "broken" in capsys.readouterr().out


def test_misses_are_told_and_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, "eval", "spec.json")
    found = told(capsys, "misses", "latest", "--markdown", "misses.md")
    (miss,) = cast("list[dict[str, object]]", found["misses"])
    assert (miss["query"], miss["rank"]) == ("remembering previous computations", None)
    assert "remembering previous computations" in (folder / "misses.md").read_text()
    assert main(["misses"]) == 0
    assert "project.rs  (not found)" in capsys.readouterr().out


def test_a_search_program_is_evaluated(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "crates").mkdir()
    script = folder / "search.py"
    script.write_text(
        "import json, sys\n"
        "print(json.dumps({'results': [{'file': sys.argv[2] + '/src/server.rs'}]}))\n",
        encoding="utf-8",
    )
    words = f"{sys.executable} {script} {{query}} {{corpus}}"
    done = told(capsys, "eval", "spec.json", "--command", words)
    results = cast("list[dict[str, object]]", done["results"])
    assert [each["rank"] for each in results] == [None, 1, None, None]
    script.write_text("import sys; sys.exit('no index')", encoding="utf-8")
    assert "no index" in refused(capsys, "eval", "spec", "--command", words)
    assert len(cast("list[object]", told(capsys, "eval")["evals"])) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["eval", "absent"], "no spec absent"),
        (["eval", "absent.json"], "cannot be read"),
        (["eval", "."], "cannot be read"),
        (["eval", "spec.json", "--k", "0"], "--k takes"),
        (["eval", "spec.json", "--k", "101"], "--k takes"),
        (["eval", "spec.json", "--timeout", "0"], "--timeout takes"),
        (["eval", "spec.json", "--retriever", "lexical", "--model", "m"], "does not go with"),
        (["eval", "spec.json", "--retriever", "command"], "no command is named"),
        (["eval", "spec.json", "--retriever", "run"], "no run file is named"),
        (["eval", "spec.json", "--command", "sg {query}", "--corpus", "no"], "no such corpus"),
        (["eval", "spec.json", "--run-file", "no"], "cannot be read"),
        (["misses"], "the id latest"),
        (["compare", "a", "b"], "the id a"),
    ],
)
def test_what_cannot_be_done_is_said_in_two_lines(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert said in refused(capsys, *words)


def test_without_a_corpus_the_way_to_one_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    new_workspace(tmp_path)
    (tmp_path / "spec.json").write_text(json.dumps(SPEC), encoding="utf-8")
    assert "rejudge import corpus" in refused(capsys, "eval", "spec.json")


def test_misses_become_pairs_and_a_path_becomes_relevant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = workspace_with_evals(tmp_path, AFTER)
    words = ["misses", "--workspace", str(tmp_path), "--json", "--pairs"]
    relevant = ["--relevant", "changes on disk", "src/file_watcher.rs"]
    assert main([*words, *relevant]) == 0
    document = cast("dict[str, object]", json.loads(capsys.readouterr().out))
    assert document["pairs_added"] == 6
    assert str(document["spec"]).startswith("searches+")
    assert Path(str(document["spec_file"])).parent == workspace.folder / "specs"
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["pairs_added"] == 0
    assert main([*words, *relevant]) == 2
    assert "relevant already" in capsys.readouterr().err
    with open_store(workspace.folder) as store:
        assert store.read("SELECT DISTINCT origin FROM db.pairs") == [("miss",)]
