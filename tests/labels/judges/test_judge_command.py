"""The command as a process of its own: killed, interrupted, refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from core.store.opening import open_store
from tests.building import Scored, add_scored, new_workspace
from tests.labels.judges.playing_server import (
    Answer,
    PlayingServer,
    asked_query,
    completion,
    error,
    ruling,
)
from tui.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.workspace import Workspace

KEY = "sk-planted-9876543210"
ROOT = Path(__file__).parents[3]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = new_workspace(tmp_path / "work")
    with open_store(made.folder) as store:
        add_scored(store, [Scored(f"query {n}", f"def f{n}(): pass", score=0) for n in range(30)])
    return made


def start(workspace: Workspace, server: PlayingServer, *more: str) -> subprocess.Popen[str]:
    words = ["judge", "--workspace", str(workspace.root), "--base-url", server.url, "--model", "m"]
    return subprocess.Popen(
        [sys.executable, "-m", "tui.cli.main", *words, "--json", *more],
        cwd=ROOT,
        env=os.environ | {"REJUDGE_API_KEY": KEY},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def slowly(body: dict[str, Any], number: int) -> Answer:
    assert asked_query(body)
    # The later answers wait so long that an interrupt comes before the last of them on any machine.
    wait = 0.06 if number < 12 else 0.4
    return Answer(ruling(1 + number % 5, f"your key is {KEY}").body, wait=wait)


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until, "nothing happened"
        time.sleep(0.005)


def kept(workspace: Workspace) -> int:
    with open_store(workspace.folder) as store:
        (row,) = store.read("SELECT count(*), count(DISTINCT pair_id) FROM db.judgments")
    assert row[0] == row[1], "a pair was judged twice"
    return int(row[0])


@pytest.mark.slow
def test_killed_and_interrupted_runs_go_on_where_they_were(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REJUDGE_API_KEY", KEY)
    with PlayingServer(slowly) as server:
        killed = start(workspace, server, "--concurrency", "1")
        wait_for(lambda: server.answered >= 8)
        killed.kill()
        _, said = killed.communicate()
        answered = server.answered
        first = kept(workspace)
        # What was answered and not yet on disk is asked again; how much that is, the load decides.
        assert 1 <= first <= answered, "nothing is kept"

        asked = len(server.requests)
        stopped = start(workspace, server, "--concurrency", "2")
        wait_for(lambda: len(server.requests) > asked + 6)
        stopped.send_signal(signal.SIGINT)
        out, said_too = stopped.communicate(timeout=30)
        assert stopped.returncode == 130, said_too
        report = json.loads(out)
        assert report["cancelled"]
        assert report["skipped"] == first
        assert kept(workspace) == first + report["judged"] < 30

        words = ["judge", "--workspace", str(workspace.root), "--base-url", server.url]
        assert main([*words, "--model", "m", "--json"]) == 0
        last = capsys.readouterr()
        assert json.loads(last.out)["judged"] == 30 - first - report["judged"]
        assert kept(workspace) == 30
        lost = answered - first
        assert len(server.requests) <= 30 + lost + 1 + 2 + 1
    found = b"".join(p.read_bytes() for p in workspace.folder.rglob("*") if p.is_file())
    for text in (said, said_too, out, last.err, last.out):
        assert KEY not in text
    assert KEY.encode() not in found


def test_a_refused_key_ends_it_in_two_lines(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REJUDGE_API_KEY", KEY)
    with PlayingServer(lambda *_: error(401, f"wrong key \x1b[2J {KEY}")) as server:
        words = ["--workspace", str(workspace.root), "judge", "--base-url", server.url]
        assert main([*words, "--model", "m"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 2
    assert "refuses the API key" in said.err
    assert KEY not in said.err
    assert "\x1b" not in said.err
    assert kept(workspace) == 0


def test_the_offline_baseline_needs_no_server(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["judge", "--workspace", str(workspace.root), "--judge", "lexical", "--json"]
    assert main(words) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["judge"], answer["kind"], answer["judged"]) == ("lexical", "lexical", 30)
    assert answer["tokens"] == {"prompt": 0, "completion": 0}
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["skipped"] == 30


@pytest.mark.parametrize(
    "words",
    [
        ["--model", ""],
        ["--model", "m", "--concurrency", "0"],
        ["--model", "m", "--limit", "-1"],
        ["--model", "m", "--timeout", "nan"],
        ["--model", "m", "--base-url", "nowhere"],
    ],
)
def test_wrong_arguments_are_named(
    workspace: Workspace, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["judge", "--workspace", str(workspace.root), *words]) == 2
    assert capsys.readouterr().err.startswith("rejudge: ")


def test_without_pairs_it_says_where_they_come_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = new_workspace(tmp_path)
    assert main(["judge", "--workspace", str(made.root), "--model", "m"]) == 2
    assert "rejudge pairs mine" in capsys.readouterr().err


def test_samples_and_probabilities_are_chosen_by_flag(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    with PlayingServer(lambda _, number: ruling(1 + number % 2)) as server:
        words = ["judge", "--workspace", str(workspace.root), "--base-url", server.url]
        words += ["--model", "m", "--json", "--limit", "2", "--concurrency", "1"]
        assert main([*words, "--samples", "2", "--no-logprobs"]) == 0
        assert json.loads(capsys.readouterr().out)["judge"] == "m x2"
        assert len(server.requests) == 4
        assert {body["temperature"] for body in server.requests} == {1.0}
        assert not any("logprobs" in body for body in server.requests)
        for bad in (["--samples", "0"], ["--samples", "2", "--temperature", "0"]):
            assert main([*words, *bad]) == 2
        assert main([*words, "--temperature", "3"]) == 2
    with open_store(workspace.folder) as store:
        assert store.read("SELECT DISTINCT p1, p2 FROM db.judgments") == [(0.5, 0.5)]


def test_failures_are_counted_by_reason_at_the_end(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    def play(body: dict[str, Any], _: int) -> Answer:
        number = int(asked_query(body).split()[1])
        if number < 12:
            return error(400, f"pair {number} is \x1b[2Jflagged")
        return completion(None, message={"refusal": "no"}) if number == 12 else ruling(4)

    words = ["judge", "--workspace", str(workspace.root), "--model", "m", "--concurrency", "1"]
    with PlayingServer(play) as server:
        assert main([*words, "--base-url", server.url, "--json"]) == 1
        answer = json.loads(capsys.readouterr().out)
        assert (answer["judged"], answer["failed"]) == (17, 13)
        first, second = answer["failures"]
        assert (first["count"], second["count"]) == (12, 1)
        assert "flagged" in first["reason"]
        assert second["reason"] == "the model refused to answer: no"
        assert main([*words, "--base-url", server.url, "--retry-failed"]) == 1
        told = capsys.readouterr().out
        assert "Failed, by reason:\n     12  the server answered 400: pair " in told
        assert "1  the model refused to answer: no\n" in told
        assert "\x1b" not in told
        assert main([*words, "--base-url", server.url]) == 0, "nothing was asked about"
