"""Judging by the Batch API: each pair once, whatever breaks in between."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from core.store.opening import open_store
from tests.building import Scored, add_scored, new_workspace
from tests.labels.judges.batches.playing_batches import PlayingBatches, answered, failed, ruled
from tests.labels.judges.playing_server import PlayingServer, error, ruling
from tui.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from core.workspace import Workspace

KEY = "sk-planted-9876543210"


class Desk:
    """A workspace of 30 pairs, a server with a Batch API, and the command."""

    def __init__(
        self,
        workspace: Workspace,
        server: PlayingServer,
        batches: PlayingBatches,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        self.workspace = workspace
        self.server = server
        self.batches = batches
        self._capsys = capsys
        self.said = ""

    def judge(self, *words: str, status: int = 0) -> dict[str, Any]:
        where = ["--workspace", str(self.workspace.root), "--base-url", self.server.url]
        found = main(["judge", *where, "--json", "--concurrency", "1", "--tries", "1", *words])
        told = self._capsys.readouterr()
        self.said = told.err
        assert found == status, told.err
        answer: dict[str, Any] = json.loads(told.out) if told.out else {}
        return answer

    def send(self, *words: str, status: int = 0) -> dict[str, Any]:
        return self.judge("--batch", "--model", "m", *words, status=status)

    def rows(self, what: str = "score, failure") -> list[tuple[Any, ...]]:
        with open_store(self.workspace.folder) as store:
            assert (
                store.read("SELECT 1 FROM db.judgments GROUP BY pair_id HAVING count(*) > 1") == []
            )
            return store.read(f"SELECT {what} FROM db.judgments ORDER BY pair_id")


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Desk]:
    monkeypatch.setenv("REJUDGE_API_KEY", KEY)
    workspace = new_workspace(tmp_path)
    with open_store(workspace.folder) as store:
        add_scored(store, [Scored(f"query {n}", f"def f{n}(): 1", score=0) for n in range(30)])
    batches = PlayingBatches()
    with PlayingServer(lambda *_: ruling(3), batches) as server:
        yield Desk(workspace, server, batches, capsys)


def test_pairs_are_sent_in_batches_and_fetched_when_they_are_done(desk: Desk) -> None:
    sent = desk.send("--batch-size", "12")
    assert (sent["judged_at_once"], sent["sent"]) == (1, 29)
    assert [one["pairs"] for one in sent["batches"]] == [12, 12, 5]
    assert len(desk.server.requests) == 1, "one pair is asked about at once"
    ids = Counter(
        line["custom_id"] for number in range(3) for line in desk.batches.requests(number)
    )
    assert len(ids) == 29
    body = desk.batches.requests(0)[0]["body"]
    assert (body["model"], body["top_logprobs"]) == ("m", 5)
    assert body["response_format"]["json_schema"]["strict"] is True

    assert desk.send()["sent"] == 0, "what waits is not sent again"
    assert desk.judge("--model", "m")["judged"] == 0, "nor judged in the ordinary way"
    assert desk.judge("--resume")["waiting"] == 3
    desk.batches.work(0, lambda _: ruled(5))
    desk.batches.work(1, lambda _: ruled(2))
    found = desk.judge("--resume")
    assert (found["judged"], found["failed"], found["waiting"]) == (24, 0, 1)
    assert found["tokens"] == {"prompt": 2400, "completion": 240}
    assert desk.judge("--resume")["judged"] == 0
    desk.batches.work(2, lambda _: ruled(1))
    assert desk.judge("--resume", "--wait", "0.01")["judged"] == 5
    assert Counter(score for score, _ in desk.rows()) == {3: 1, 5: 12, 2: 12, 1: 5}
    listed = desk.judge("--batch-status")["batches"]
    assert [(one["state"], one["status"]) for one in listed] == [("done", "completed")] * 3
    assert len(desk.rows("DISTINCT judge_id")) == 1


def test_what_is_no_ruling_is_a_failed_judgment_with_its_reason(desk: Desk) -> None:
    desk.send()
    lines = iter(
        [
            ruled(9),
            ruled("4/5"),
            answered("I say 4."),
            answered('{"rationale": "it', finish_reason="length"),
            answered(None, message={"refusal": "no"}),
            answered("x", status=400),
            failed("server_error", f"out\nof \x1b[31mmemory {KEY}"),
            None,
            ruled(4, f"key {KEY} a\u2028b"),
        ]
    )
    desk.batches.work(0, lambda _: next(lines, ruled(2)))
    found = desk.judge("--resume", status=1)
    assert (found["judged"], found["failed"]) == (21, 8)
    assert sum(one["count"] for one in found["failures"]) == 8
    reasons = {reason for _, reason in desk.rows() if reason}
    for part in (
        "integer from 1 to 5",
        "cut at 2048 tokens",
        "refused",
        "400",
        "no answer to this",
    ):
        assert any(part in reason for reason in reasons), part
    assert all(KEY not in reason and "\n" not in reason for reason in reasons)
    assert ("key *** a\u2028b",) in desk.rows("rationale")
    assert desk.judge("--model", "m")["judged"] == 0


def test_failures_can_be_sent_again(desk: Desk) -> None:
    desk.send()
    desk.batches.work(
        0, lambda asked: failed("server_error", "x") if "f1" in str(asked) else ruled(2)
    )
    lost = desk.judge("--resume", status=1)["failed"]
    assert lost > 1
    again = desk.send("--retry-failed")
    assert again["judged_at_once"] + again["sent"] == lost
    desk.batches.work(1, lambda _: ruled(2))
    assert desk.judge("--resume")["judged"] == lost - 1
    with open_store(desk.workspace.folder) as store:
        assert store.read("SELECT count(*) FROM current_judgments") == [(30,)]


def test_an_expired_batch_names_what_it_did_not_come_to(desk: Desk) -> None:
    desk.send()
    asked = iter(range(29))

    def some(_: dict[str, Any]) -> dict[str, Any] | None:
        number = next(asked)
        return ruled(4) if number < 10 else failed("batch_expired", "late") if number < 20 else None

    desk.batches.work(0, some, "expired")
    found = desk.judge("--resume", status=1)
    assert (found["judged"], found["failed"]) == (10, 19)
    assert {reason for _, reason in desk.rows() if reason} == {
        "the batch expired before this request"
    }


def test_a_refused_batch_judged_nothing_and_its_pairs_wait_again(desk: Desk) -> None:
    desk.send()
    errors = {"object": "list", "data": [{"code": "limit", "message": "Enqueued tokens: too many"}]}
    desk.batches.work(0, lambda _: None, "failed", errors=errors)
    found = desk.judge("--resume")
    assert (found["judged"], found["failed"], found["released"]) == (0, 0, 29)
    assert "too many" in found["notices"][0]
    assert desk.send()["sent"] == 28
    assert len(desk.rows()) == 2


def test_a_line_that_the_server_refuses_is_a_failure_and_the_others_wait_again(desk: Desk) -> None:
    desk.send()
    errors = {"object": "list", "data": [{"line": 2, "message": "too long"}, {"line": 99}]}
    desk.batches.work(0, lambda _: None, "failed", errors=errors)
    found = desk.judge("--resume", status=1)
    assert (found["failed"], found["released"]) == (1, 28)
    named = desk.batches.requests(0)[1]["custom_id"].partition(".")[0]
    rows = [row for row in desk.rows("CAST(pair_id AS VARCHAR), failure") if row[1]]
    assert rows == [(named, "the server refuses the request: too long")]


def test_a_batch_whose_beginning_was_lost_is_found_again(desk: Desk) -> None:
    desk.batches.lost = 1
    desk.send(status=2)
    assert "the connection failed" in desk.said
    assert len(desk.batches.batches) == 1, "it was not begun twice"
    (listed,) = desk.judge("--batch-status")["batches"]
    assert (listed["state"], listed["remote"]) == ("preparing", None)
    assert desk.send()["sent"] == 0, "its pairs are set aside"
    desk.batches.work(0, lambda _: ruled(4))
    found = desk.judge("--resume")
    assert (found["judged"], found["waiting"]) == (29, 0)


def test_a_batch_that_never_reached_the_server_is_given_back(desk: Desk) -> None:
    desk.batches.refuse = error(500, "down")
    desk.send(status=2)
    desk.batches.refuse = None
    found = desk.judge("--resume")
    assert found["released"] == 29
    assert "never reached" in found["notices"][0]
    assert desk.send()["sent"] == 28


def test_a_result_file_that_breaks_off_is_fetched_again(desk: Desk) -> None:
    desk.send()
    desk.batches.work(0, lambda _: ruled(4))
    desk.batches.cut = 500
    desk.judge("--resume", status=2)
    assert "the connection failed" in desk.said
    assert len(desk.rows()) == 1
    desk.batches.cut = None
    assert desk.judge("--resume")["judged"] == 29


def test_strange_lines_do_no_harm(desk: Desk) -> None:
    desk.send()
    desk.batches.work(0, lambda _: ruled(4))
    batch = desk.batches.batches["batch_0"]
    good = desk.batches.files[batch["output_file_id"]]
    first = json.loads(good.splitlines()[0])
    strange = [
        b"garbage",
        b"",
        json.dumps(first | ruled(1)).encode(),
        json.dumps(ruled(1) | {"custom_id": "00000000-0000-0000-0000-000000000001.0"}).encode(),
        json.dumps(ruled(1) | {"custom_id": first["custom_id"].replace(".0", ".7")}).encode(),
    ]
    desk.batches.files[batch["output_file_id"]] = b"\n".join([good, *strange])
    assert desk.judge("--resume")["judged"] == 29
    assert Counter(score for score, _ in desk.rows()) == {3: 1, 4: 29}


def test_samples_go_together_and_are_pooled(desk: Desk) -> None:
    sent = desk.send("--samples", "3", "--batch-size", "10")
    assert [one["pairs"] for one in sent["batches"]] == [3] * 9 + [2]
    for number in range(10):
        score = iter([2, 4, 4] * 3)
        desk.batches.work(number, lambda _, score=score: ruled(next(score)))  # type: ignore[misc]
    assert desk.judge("--resume")["judged"] == 29
    assert Counter(desk.rows("score, round(p2, 2)"))[(4, 0.33)] == 29


def test_cancelling_keeps_what_was_judged_and_gives_the_rest_back(desk: Desk) -> None:
    desk.send("--batch-size", "20")
    desk.batches.batches["batch_0"]["status"] = "in_progress"
    found = desk.judge("--batch-cancel")
    assert (found["released"], found["waiting"]) == (9, 1)
    asked = iter(range(20))
    desk.batches.work(
        0, lambda _: ruled(4) if next(asked) < 5 else failed("batch_cancelled", ""), "cancelled"
    )
    found = desk.judge("--resume")
    assert (found["judged"], found["failed"], found["released"]) == (5, 0, 15)
    assert desk.send()["sent"] == 23


def test_a_batch_that_the_server_does_not_know_stays_until_it_is_given_up(desk: Desk) -> None:
    desk.send()
    desk.batches.batches.clear()
    found = desk.judge("--resume")
    assert found["waiting"] == 1
    assert "--batch-cancel" in found["notices"][0]
    assert desk.send()["sent"] == 0
    assert desk.judge("--batch-cancel")["released"] == 29


def test_the_servers_quirks_are_found_before_thousands_are_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REJUDGE_API_KEY", KEY)
    workspace = new_workspace(tmp_path)
    with open_store(workspace.folder) as store:
        add_scored(store, [Scored(f"query {n}", f"def f{n}(): 1", score=0) for n in range(3)])

    def play(body: dict[str, Any], _: int) -> Any:
        for name in ("response_format", "logprobs", "max_tokens"):
            if name in body:
                return error(400, f"{name} is not supported")
        return ruling(3)

    batches = PlayingBatches()
    with PlayingServer(play, batches) as server:
        desk = Desk(workspace, server, batches, capsys)
        desk.send()
        body = batches.requests(0)[0]["body"]
        assert "max_completion_tokens" in body
        assert not {"response_format", "logprobs", "max_tokens"} & set(body)
        batches.work(0, lambda _: answered('Sure: {"rationale": "x", "score": 2}'))
        assert desk.judge("--resume")["judged"] == 2


def test_what_cannot_be_done_is_said(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.judge("--batch", "--judge", "lexical", status=2)
    desk.send("--batch-size", "60000", status=2)
    desk.send("--batch-size", "2", "--samples", "3", status=2)
    desk.judge("--resume", "--wait", "-1", status=2)
    assert desk.rows() == []
    desk.send()
    desk.batches.refuse = error(401, f"bad key {KEY}")
    with PlayingServer(lambda *_: ruling(3)) as plain:
        other = Desk(desk.workspace, plain, desk.batches, capsys)
        found = other.judge("--resume")
        assert found["waiting"] == 1, "a server without the batch judges nothing"
