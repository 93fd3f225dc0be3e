"""Queries written for documents by a server on loopback, checked, kept once."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from core.errors import JudgeError
from core.ids import document_id
from core.records import Document, DocumentKind
from core.store.opening import open_store
from core.store.tables import add_documents
from eval.specs import add_spec, make_spec
from labels.judges.server import Server
from labels.pairs.generating import choose_documents, generate_queries
from labels.pairs.writing import GenerationPlan
from tests.building import new_workspace
from tests.eval.eval_building import asked
from tests.labels.judges.playing_server import PlayingServer, completion, error
from tui.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from core.store.database import Store
    from core.workspace import Workspace
    from tests.labels.judges.playing_server import Answer

KEY = "sk-planted-1234567"
FILES = 6
EACH = 3
NOUNS = [
    "apples",
    "pears",
    "plums",
    "grapes",
    "figs",
    "dates",
    "limes",
    "melons",
    "quinces",
    "peaches",
    "olives",
    "mangos",
]
VERBS = ["sorting", "counting", "weighing"]


def code(number: int) -> Document:
    path = f"src/m{number % FILES}.py"
    text = f"def f{number}(items):\n" + "    total = compute(items)\n" * 6
    kind = DocumentKind.FUNCTION
    return Document(
        document_id(path, f"f{number}", text), path, f"f{number}", kind, "python", 1, 7, text
    )


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("REJUDGE_API_KEY", KEY)
    made = new_workspace(tmp_path)
    with open_store(made.folder) as store, store.transaction() as cursor:
        add_documents(cursor, [code(n) for n in range(FILES * EACH)], in_corpus=True)
    return made


@pytest.fixture
def store(workspace: Workspace) -> Iterator[Store]:
    with open_store(workspace.folder) as opened:
        yield opened


def number_of(body: dict[str, Any]) -> int:
    found = re.search(r"^symbol: f(\d+)$", body["messages"][1]["content"], re.MULTILINE)
    assert found
    return int(found[1])


def written(*queries: object) -> Answer:
    return completion(json.dumps({"queries": list(queries)}))


def good(number: int) -> list[str]:
    """Return three queries that share no words with the code or with another document's."""
    noun = NOUNS[number % len(NOUNS)]
    season = "summer" if number < len(NOUNS) else "winter"
    return [f"{verb} {noun} {season} harvest{number}" for verb in VERBS]


def play_well(body: dict[str, Any], _: int) -> Answer:
    return written(*good(number_of(body)))


def generate(
    store: Store,
    play: Callable[[dict[str, Any], int], Answer],
    plan: GenerationPlan | None = None,
    **more: Any,
) -> tuple[Any, list[dict[str, Any]]]:
    with PlayingServer(play) as server:
        where = Server(server.url, KEY, 5, 1)
        report = generate_queries(store, where, "m", plan or GenerationPlan(), **more)
        return report, server.requests


def test_every_document_gets_its_queries_once(store: Store) -> None:
    report, requests = generate(store, play_well)
    assert (report.documents, report.failed, report.added) == (18, 0, 54)
    assert (report.prompt_tokens, report.completion_tokens) == (1800, 180)
    assert len(requests) == 18
    assert "Write 3 queries" in requests[0]["messages"][1]["content"]
    assert requests[0]["response_format"]["json_schema"]["name"] == "queries"
    assert "logprobs" not in requests[0]
    rows = store.read(
        "SELECT query.kind, query.origin, pair.origin, query.text, document.symbol"
        " FROM db.pairs AS pair JOIN db.queries AS query ON query.id = pair.query_id"
        " JOIN db.documents AS document ON document.id = pair.document_id"
    )
    assert len(rows) == 54
    assert {row[:3] for row in rows} == {("semantic", "generated", "generated")}
    assert all(row[3] in good(int(row[4][1:])) for row in rows)
    again, requests = generate(store, play_well)
    assert (again.documents, again.skipped, len(requests)) == (0, 18, 0)


def test_queries_that_cannot_be_used_are_named_and_not_kept(store: Store) -> None:
    spec = make_spec("s", "", [asked("sorting pears summer harvest1", "src/m1.py")])
    add_spec(store, spec)

    def play(body: dict[str, Any], _: int) -> Answer:
        queries = good(number_of(body))
        return written(queries[0], "compute the total of items", queries[0] + "s")

    report, _ = generate(store, play, GenerationPlan(concurrency=1))
    refused = dict(report.refused)
    assert refused["the code's own words"] >= 18
    assert refused["asked already"] >= 17
    assert refused["a spec asks it"] >= 2
    texts = {row[0] for row in store.read("SELECT text FROM db.queries WHERE origin = 'generated'")}
    assert len(texts) == report.added == 17
    kept = store.read("SELECT count(*) FROM db.generated_queries WHERE refused IS NULL")
    assert kept == [(17,)]


def test_a_reply_without_a_usable_query_is_asked_for_again_once(store: Store) -> None:
    def play(body: dict[str, Any], _: int) -> Answer:
        if len(body["messages"]) == 2:
            return written("compute the total of items")
        assert "own" in body["messages"][3]["content"]
        return written(*good(number_of(body)))

    report, requests = generate(store, play, GenerationPlan(limit=2))
    assert (report.documents, report.added, len(requests)) == (2, 6, 4)
    assert report.prompt_tokens == 400


def test_a_document_that_fails_has_a_reason_and_can_be_asked_about_again(store: Store) -> None:
    def play(body: dict[str, Any], _: int) -> Answer:
        number = number_of(body)
        if number == 3:
            return completion("I will not.")
        if number == 4:
            return error(500, f"down {KEY}")
        return written(*good(number))

    report, requests = generate(store, play)
    assert (report.documents, report.failed, report.added) == (18, 2, 48)
    reasons = {row[0] for row in store.read("SELECT failure FROM db.generations") if row[0]}
    assert len(reasons) == 2
    assert any("not one JSON object" in reason for reason in reasons)
    assert all(KEY not in reason for reason in reasons)
    assert generate(store, play_well)[0].documents == 0
    again, requests = generate(store, play_well, GenerationPlan(retry_failed=True))
    assert {number_of(body) for body in requests} == {3, 4}
    assert again.added == 6


def test_too_many_failures_in_a_row_stop_it(store: Store) -> None:
    with pytest.raises(JudgeError, match="4 documents failed in a row"):
        generate(store, lambda *_: completion("no"), GenerationPlan(failures_in_a_row=4))
    assert 4 <= store.read("SELECT count(*) FROM db.generations")[0][0] < 18


def test_cancelling_keeps_what_was_finished(store: Store) -> None:
    stop = threading.Event()

    def play(body: dict[str, Any], number: int) -> Answer:
        if number == 5:
            stop.set()
        return written(*good(number_of(body)))

    plan = GenerationPlan(concurrency=1)
    slow, _ = generate(store, play, plan, cancelled=stop.is_set)
    done = store.read("SELECT count(*) FROM db.generations")[0][0]
    assert slow.cancelled == (done < 18)
    rest, requests = generate(store, play_well, plan)
    assert rest.documents == len(requests) == 18 - done
    assert store.read("SELECT count(*) FROM db.generations") == [(18,)]


def test_a_server_without_schema_is_read_from_plain_text(store: Store) -> None:
    def play(body: dict[str, Any], _: int) -> Answer:
        if "response_format" in body:
            return error(400, "response_format is not supported")
        return completion(f"Sure!\n{json.dumps({'queries': good(number_of(body))})}")

    report, _ = generate(store, play, GenerationPlan(limit=4))
    assert report.added == 12
    assert "plain text" in report.notices[0]


def test_documents_come_from_many_files_in_a_drawn_order(store: Store) -> None:
    with store.transaction() as cursor:
        odd = Document(document_id("t", "", "x"), "a.py", "", DocumentKind.FILE, "", 1, 1, "x")
        text = "def test(): pass\n" * 20
        test = Document(
            document_id("q", "", text), "tests/t.py", "", DocumentKind.FILE, "", 1, 1, text
        )
        add_documents(cursor, [odd, test], in_corpus=True)
    chosen = choose_documents(store, None, 0).ids
    assert len(chosen) == 18, "short ones and tests are left out"
    paths: dict[object, str] = dict(store.read("SELECT id, path FROM db.documents"))
    for turn in range(EACH):
        files = [paths[one] for one in chosen[turn * FILES : (turn + 1) * FILES]]
        assert len(set(files)) == FILES
    assert choose_documents(store, 5, 0).ids == chosen[:5]
    assert choose_documents(store, None, 1).ids != chosen


def test_the_command_mines_and_its_pairs_can_be_judged(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--workspace", str(workspace.root), "--json"]

    def play(body: dict[str, Any], _: int) -> Answer:
        return written(f"{good(number_of(body))[0]} items")

    with PlayingServer(play) as server:
        words = ["pairs", "generate", *where, "--base-url", server.url, "--model", "m"]
        words += ["--max-overlap", "0.5"]
        assert main([*words, "--limit", "4", "--per-document", "1", "--top", "2"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["queries"], told["documents"]) == (4, 4)
        assert 8 <= told["added"] <= 12
        assert main([*words, "--limit", "4", "--top", "2"]) == 0
        assert json.loads(capsys.readouterr().out)["added"] == 0
        for bad in (["--per-document", "0"], ["--max-overlap", "2"], ["--limit", "-1"]):
            assert main([*words, *bad]) == 2
        assert main(["pairs", "generate", *where]) == 2
        assert "no model is named" in capsys.readouterr().err
    with open_store(workspace.folder) as store:
        origins = Counter(row[0] for row in store.read("SELECT origin FROM db.pairs"))
    assert origins["generated"] == 4
    assert origins["lexical"] == told["added"] - 4
    assert main(["judge", *where, "--judge", "lexical"]) == 0
    assert json.loads(capsys.readouterr().out)["judged"] == told["added"]


def test_a_workspace_without_a_corpus_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new_workspace(tmp_path / "w")
    words = ["pairs", "generate", "--workspace", str(tmp_path / "w"), "--model", "m"]
    assert main([*words, "--base-url", "http://127.0.0.1:9/v1"]) == 2
    assert "no corpus" in capsys.readouterr().err
