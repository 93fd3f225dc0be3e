"""The workshop without a screen: a rubric from a file, tried on audited pairs, beside the old."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from core.store.opening import open_store
from tests.labels.judges.playing_server import PlayingServer, asked_query, ruling
from tests.labels.workshop.audited_store import audited_workspace
from tui.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

    from core.workspace import Workspace
    from tests.labels.judges.playing_server import Answer

SCORES = [1 + (3 * n) % 5 for n in range(60)]
GRADES = [1 + (n // 2) % 5 for n in range(30)]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("REJUDGE_API_KEY", "k-planted-123")
    return audited_workspace(tmp_path, SCORES, GRADES)


def play(body: dict[str, Any], _: int) -> Answer:
    code = body["messages"][1]["content"].rpartition("return ")[2]
    assert asked_query(body)
    return ruling(1 + int(code.split()[0]) // 2 % 5)


class Desk:
    def __init__(
        self, workspace: Workspace, server: PlayingServer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self._where = ["--workspace", str(workspace.root)]
        self._server = ["--base-url", server.url, "--model", "m", "--json"]
        self._capsys = capsys

    def judge(self, *words: str) -> dict[str, Any]:
        assert main(["judge", *self._where, *self._server, *words]) == 0
        answer: dict[str, Any] = json.loads(self._capsys.readouterr().out)
        return answer

    def refused(self, *words: str) -> str:
        assert main(["judge", *self._where, *self._server, *words]) == 2
        return self._capsys.readouterr().err

    def prompts(self, *words: str) -> dict[str, Any]:
        assert main(["prompts", *self._where, *words, "--json"]) == 0
        answer: dict[str, Any] = json.loads(self._capsys.readouterr().out)
        return answer


def test_a_new_rubric_is_tried_on_audited_pairs_beside_the_old_judge(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rubric = tmp_path / "new.md"
    rubric.write_text("Be strict.\n", encoding="utf-8")
    with PlayingServer(play) as server:
        desk = Desk(workspace, server, capsys)
        words = ["--rubric", str(rubric), "--only-audited", "--compare", "gpt"]
        cost = desk.judge(*words, "--dry-run")["cost"]
        assert (cost["pairs"], cost["calls"], cost["measured"]) == (30, 30, False)
        assert cost["tokens"]["prompt"] > 30 * 100
        assert not server.requests

        first = desk.judge(*words[:2], "--only-audited", "12", "--compare", "gpt")
        assert (first["judge"], first["judged"], first["comparison"]["n"]) == ("m/new", 12, 12)
        found = desk.judge(*words)
        assert (found["judged"], found["skipped"]) == (18, 12)
        assert all("Be strict." in body["messages"][0]["content"] for body in server.requests)
        comparison = found["comparison"]
        assert (comparison["n"], comparison["old"]["judge"]) == (30, "gpt")
        figures = comparison["figures"]["exact"]
        assert figures["new"]["value"] == 1.0
        assert figures["difference"]["low"] > 0
        assert comparison["farther"] == 0
        assert comparison["nearer"] == len(comparison["changed"]) > 0

        rest = desk.judge("--rubric", str(rubric), "--dry-run")["cost"]
        assert (rest["pairs"], rest["known"], rest["measured"]) == (30, 30, True)
        assert len(server.requests) == 30
        assert desk.judge("--rubric", str(rubric))["judged"] == 30
        assert desk.judge()["judged"] == 60, "the old prompt is another judge"
    with open_store(workspace.folder) as store:
        rows = store.read("SELECT count(*) FROM current_judgments GROUP BY judge_id")
        assert rows == [(60,)] * 3, "nothing was overwritten"


def test_the_figures_are_shown_to_a_person(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    with PlayingServer(play) as server:
        where = ["--workspace", str(workspace.root), "--base-url", server.url, "--model", "m"]
        assert main(["judge", *where, "--only-audited", "--compare", "gpt", "--dry-run"]) == 0
        assert "30 pairs to ask about" in capsys.readouterr().out
        assert main(["judge", *where, "--only-audited", "--compare", "gpt"]) == 0
        said = capsys.readouterr().out
    assert "30 labels on 30 pairs of 10 queries" in said
    assert "kappa (quadratic)" in said
    assert "nearer to people, 0 farther" in said


def test_saved_prompts_are_listed_shown_and_used(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rubric = tmp_path / "r.md"
    rubric.write_text("Be mild.", encoding="utf-8")
    with PlayingServer(play) as server:
        desk = Desk(workspace, server, capsys)
        saved = desk.prompts("save", "mild", "--rubric", str(rubric), "--examples", "4")
        assert saved["examples"] == 4
        assert [one["name"] for one in desk.prompts()["prompts"]] == ["mild"]
        shown = desk.prompts("show", "mild")
        assert shown["rubric"] == "Be mild."
        assert len({one["query"] for one in shown["examples"]}) == 4
        assert "exactly what is wanted" in desk.prompts("show")["rubric"]
        found = desk.judge("--prompt", "mild", "--limit", "5")
        assert (found["judge"], found["prompt_version"]) == ("m/mild", saved["prompt_version"])
        assert all("=== examples" in body["messages"][1]["content"] for body in server.requests)
        again = desk.judge("--rubric", str(rubric), "--examples", "4", "--save", "mild")
        assert (again["judged"], again["skipped"]) == (55, 5), "the same version is the same judge"


def test_what_cannot_be_asked_for_is_said(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    binary = tmp_path / "b.md"
    binary.write_bytes(b"\xff\xfe")
    with PlayingServer(play) as server:
        desk = Desk(workspace, server, capsys)
        assert "not UTF-8" in desk.refused("--rubric", str(binary))
        assert "cannot be read" in desk.refused("--rubric", str(tmp_path / "none"))
        assert "no judge x" in desk.refused("--compare", "x")
        assert "needs a name" in desk.refused("--examples", "3")
        assert "nothing to save" in desk.refused("--save", "x")
        assert "has its rubric" in desk.refused("--prompt", "x", "--examples", "2")
        assert "there is no prompt x" in desk.refused("--prompt", "x")
        assert "from 0 to 20" in desk.refused("--examples", "99", "--save", "x")
        desk.judge("--limit", "1", "--name", "twin")
        desk.judge("--limit", "1", "--name", "twin", "--max-tokens", "9")
        assert "several judges are called twin" in desk.refused("--compare", "twin")
        with open_store(workspace.folder) as store:
            judge = store.read("SELECT id FROM db.judges WHERE name = 'twin' ORDER BY id")[0][0]
        desk.judge("--limit", "0", "--compare", f"twin@{str(judge)[:8]}")
        assert len(server.requests) == 2


def test_a_workspace_without_labels_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = audited_workspace(tmp_path / "w", SCORES, [])
    with PlayingServer(play) as server:
        desk = Desk(workspace, server, capsys)
        assert "no audited pairs" in desk.refused("--only-audited")
        assert "no audited pairs" in desk.refused("--examples", "3", "--save", "x")
        found = desk.judge("--limit", "2", "--compare", "gpt")["comparison"]
        assert found["n"] == 0
        assert "no labels" in found["figures"]["qwk"]["difference"]["reason"]
