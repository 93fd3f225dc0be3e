"""One server with every fault: each pair ends as a judgment or a failure that has a name.

Its messages repeat the key that it was given, which must be nowhere afterwards.
"""

from __future__ import annotations

import json
from collections import Counter
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import pytest

from core.store.opening import open_store
from labels.audit.session import AuditSession
from tests.building import new_workspace
from tests.labels.judges.playing_server import (
    Answer,
    PlayingServer,
    asked_query,
    completion,
    error,
    ruling,
)
from tests.labels.judges.stored_rulings import Said, add_unjudged, rulings
from tui.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

    from core.workspace import Workspace

KEY: Final = "sk-planted-0123456789"
#: Seconds that a try may take where answers come late; elsewhere no busy machine is too slow.
SHORT: Final = 1.0
LONG: Final = 120.0
GOOD: Final = 6

#: What the server does, and what the failure says when it does it every time.
FAULTS: Final[dict[str, tuple[Answer, str]]] = {
    "429": (
        Answer(error(429, f"slow down, {KEY}").body, 429, {"Retry-After": "1"}),
        "answered 429",
    ),
    "500": (error(500, f"down, {KEY}"), "answered 500"),
    "late": (Answer(ruling(4).body, wait=2 * SHORT), "no answer within 1 s"),
    "cut": (Answer(ruling(4).body, cut=30), "the connection failed"),
    "half": (Answer(ruling(4).body[:40]), "the server's answer is not JSON"),
    "seven": (ruling(7, f"because {KEY}"), "score"),
    "text": (ruling("four", f"because {KEY}"), "score"),
    "empty": (Answer(json.dumps({"choices": []})), "the server's answer has no choices"),
    "huge": (completion("x" * 10_000_000), "8,000,000 are allowed"),
}
#: Those that another try mends; the others are answers, and what they say counts.
MENDED: Final = {"429", "500", "cut", "seven", "text"}


class BadServer:
    """Plays the fault that a query names: ``once`` or ``always``."""

    def __init__(self) -> None:
        self._asked: Counter[str] = Counter()
        self._lock = Lock()

    def __call__(self, body: dict[str, Any], _number: int) -> Answer:
        assert KEY not in json.dumps(body)
        query = asked_query(body)
        fault, _, how = query.partition(" ")
        with self._lock:
            self._asked[query] += 1
            first = self._asked[query] == 1
        bad = fault in FAULTS and (how == "always" or first)
        return FAULTS[fault][0] if bad else ruling(5, f"your key is {KEY}")


def repeated_queries(_body: dict[str, Any], number: int) -> Answer:
    """Write queries that hold the key."""
    return completion(
        json.dumps({"queries": [f"what opens the door {number} {KEY}", f"{KEY} again"]})
    )


def judge(workspace: Workspace, server: PlayingServer, *more: str) -> int:
    words = ["judge", "--workspace", str(workspace.root), "--base-url", server.url, "--model", "m"]
    return main([*words, "--tries", "2", "--json", *more])


def add_queries(workspace: Workspace, queries: list[str]) -> None:
    code = "def f():\n    return {!r}\n" + "    # a function of ordinary length\n" * 5
    with open_store(workspace.folder) as store:
        add_unjudged(
            store, [(each, code.format(each), each.startswith("late")) for each in queries]
        )


def outcomes(workspace: Workspace) -> list[Said]:
    with open_store(workspace.folder) as store:
        return rulings(store)


@pytest.mark.slow
@pytest.mark.own_file
def test_every_pair_ends_as_a_judgment_or_a_named_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REJUDGE_API_KEY", KEY)
    workspace = new_workspace(tmp_path)
    queries = [f"{fault} {how}" for fault in FAULTS for how in ("once", "always")]
    queries += [f"good {n}" for n in range(GOOD)]
    add_queries(workspace, queries)

    with PlayingServer(BadServer()) as server:
        assert judge(workspace, server, "--kind", "semantic", "--timeout", str(LONG)) == 1
        assert judge(workspace, server, "--kind", "keyword", "--timeout", str(SHORT)) == 1
    first = outcomes(workspace)
    assert Counter(query for query, _, _ in first) == Counter(queries)
    for query, score, failure in first:
        fault, _, how = query.partition(" ")
        if fault == "good" or (how == "once" and fault in MENDED):
            assert (score, failure) == (5, None), (query, failure)
        elif score is not None:
            # A second try is in time, unless the machine is busy.
            assert (query, score) == ("late once", 5)
        else:
            assert FAULTS[fault][1] in (failure or ""), (query, failure)
    failed = [query for query, score, _ in first if score is None]

    with PlayingServer(lambda *_: ruling(3, f"key {KEY}")) as server:
        assert judge(workspace, server) == 0
        assert not server.requests, "what failed is asked about only when told"
        assert judge(workspace, server, "--retry-failed") == 0
        assert len(server.requests) == len(failed)
    again = outcomes(workspace)[len(first) :]
    assert Counter(query for query, _, _ in again) == Counter(failed)
    assert all((score, failure) == (3, None) for _, score, failure in again)

    add_queries(workspace, [f"new {n}" for n in range(60)])
    with PlayingServer(lambda *_: error(401, f"wrong key {KEY}")) as server:
        assert judge(workspace, server) == 2
        assert len(server.requests) <= 8, "it stops at once"
    assert len(outcomes(workspace)) == len(first) + len(again)
    said = capsys.readouterr()
    assert "refuses the API key" in said.err
    assert KEY not in said.out + said.err
    with PlayingServer(repeated_queries) as server:
        words = ["--base-url", server.url, "--model", "m", "--limit", "2"]
        assert run(workspace.root, "pairs", "generate", *words) == 0
        assert len(server.requests) >= 2
        assert KEY not in json.dumps(server.requests)
    assert_key_is_nowhere(workspace, capsys)


def assert_key_is_nowhere(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    """Look in every row of the database, every file, every export and every answer."""
    root = workspace.root
    with open_store(workspace.folder) as store:
        AuditSession.start(store, "ada").grade(4)
        store.back_up()
        tables = store.read(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'db' ORDER BY 1"
        )
        rows = {table: store.read(f"SELECT * FROM db.{table}") for (table,) in tables}
    assert "***" in repr(rows["judgments"]), "the server did repeat the key"
    assert KEY not in repr(rows)
    for form in ("jsonl", "csv", "parquet", "qrels"):
        assert run(root, "export", form, str(root / f"out.{form}")) == 0
    for words in (["status"], ["next"], ["agreement"], ["doctor"], ["prompts"], ["runs"]):
        run(root, *words, "--json")
    told = capsys.readouterr()
    assert KEY not in told.out + told.err
    found = [
        path for path in root.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()
    ]
    assert found == []


def run(root: Path, *words: str) -> int:
    return main(["--workspace", str(root), *words])
