"""What servers do, and what becomes of it: a score only ever from a reply that fits."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from core.errors import JudgeError
from core.records import Document, DocumentKind, Query
from labels.judges.completion import ANSWER_LIMIT
from labels.judges.llm import JudgeParameters, LlmJudge, LlmSettings, llm_judge_record
from labels.judges.prompt import JudgePrompt
from labels.judges.server import Server, find_server
from tests.labels.judges.playing_server import (
    Answer,
    PlayingServer,
    completion,
    error,
    ruling,
    ruling_with_chances,
)

if TYPE_CHECKING:
    from labels.judges.judge import Ruling

KEY = "sk-planted-0123456789"
PARAMETERS = JudgeParameters()
JUDGE = llm_judge_record("some-model", PARAMETERS)
QUERY = Query(UUID(int=1), "watch files")
CODE = Document(UUID(int=2), "a.rs", "watch", DocumentKind.FUNCTION, "rust", 1, 2, "fn watch() {}")


def ask(
    *answers: Answer, attempts: int = 2, timeout: float = 5.0, times: int = 1
) -> tuple[list[Ruling], list[dict[str, Any]], tuple[str, ...]]:
    """Ask ``times`` times; the answers come in turn, the last one again and again."""
    with PlayingServer(lambda _, number: answers[min(number, len(answers) - 1)]) as server:
        rulings, notices = asyncio.run(_ask(Server(server.url, KEY, timeout, attempts), times))
    assert all(given == f"Bearer {KEY}" for given in server.authorizations)
    return rulings, server.requests, notices


async def _ask(
    server: Server, times: int, parameters: JudgeParameters = PARAMETERS
) -> tuple[list[Ruling], tuple[str, ...]]:
    judge = LlmJudge(LlmSettings(server, JUDGE, parameters, concurrency=2))
    try:
        return [await judge.rule(QUERY, CODE) for _ in range(times)], judge.notices
    finally:
        await judge.aclose()


def test_a_good_reply_is_a_score_with_rationale_and_tokens() -> None:
    (given,), requests, notices = ask(ruling(4))
    assert (given.score, given.failure, given.rationale) == (4, None, "It does that.")
    assert (given.prompt_tokens, given.completion_tokens) == (100, 10)
    assert notices == ("the server tells no token probabilities: distributions are not there",)
    assert len(requests) == 1
    assert requests[0]["model"] == "some-model"
    assert (requests[0]["logprobs"], requests[0]["top_logprobs"]) == (True, 10)
    assert requests[0]["temperature"] == 0
    assert requests[0]["response_format"]["json_schema"]["strict"] is True


@pytest.mark.parametrize(
    "bad", [completion("I say 4."), ruling(7), ruling("4/5"), ruling(4.5), ruling(0)]
)
def test_a_reply_that_does_not_fit_is_sent_back_once(bad: Answer) -> None:
    (given,), requests, _ = ask(bad, ruling(2))
    assert given.score == 2
    assert given.prompt_tokens == 200, "both calls are counted"
    said = json.loads(bad.body)["choices"][0]["message"]["content"]
    assert requests[1]["messages"][2] == {"role": "assistant", "content": said}
    assert len(requests) == 2


@pytest.mark.parametrize("bad", [completion("It is a 4."), ruling(7), ruling("4/5")])
def test_a_second_bad_reply_is_a_failure_without_score(bad: Answer) -> None:
    (given,), requests, _ = ask(bad)
    assert given.score is None
    assert given.failure
    assert given.completion_tokens == 20
    assert len(requests) == 2


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer('{"choices": []}'), "no choices"),
        (Answer('{"choices": [null]}'), "no text"),
        (Answer("[]"), "no choices"),
        (Answer("null"), "no choices"),
        (Answer('{"choices": [{"mess'), "not JSON"),
        (Answer("<html>hello</html>"), "not JSON"),
        (Answer(""), "not JSON"),
        (completion(None), "no text"),
        (completion(None, message={"refusal": "I will not"}), "refused"),
        (Answer("x" * 10_000_000), "10,000,000 characters"),
        (completion("9" * ANSWER_LIMIT), "characters"),
        (error(500, "out\nof \x1b[31mmemory"), "500: "),
        (error(429, "slow down"), "429: "),
    ],
)
def test_an_answer_without_a_reply_is_a_failure(answer: Answer, reason: str) -> None:
    (given,), _, _ = ask(answer)
    assert given.score is None
    assert given.failure is not None
    assert reason in given.failure
    assert "\n" not in given.failure


def test_a_reply_cut_at_the_token_limit_says_so() -> None:
    (given,), _, _ = ask(completion('{"rationale": "it', finish_reason="length"))
    assert given.score is None
    assert "cut at 2048 tokens" in (given.failure or "")


def test_the_client_waits_and_tries_again() -> None:
    for answer in (error(429, "slow down", **{"retry-after": "0.01"}), error(500, "oops")):
        (given,), requests, _ = ask(answer, ruling(3))
        assert given.score == 3
        assert len(requests) == 2


def test_a_server_that_hangs_is_left_after_the_timeout() -> None:
    slow = Answer(ruling(5).body, wait=0.6)
    (given,), _, _ = ask(slow, attempts=1, timeout=0.2)
    assert given.score is None
    assert given.failure == "no answer within 0.2 s (1 tries)"


def test_a_connection_closed_in_the_middle_is_a_failure() -> None:
    (given,), _, _ = ask(Answer(ruling(5).body, cut=40), attempts=1)
    assert given.score is None
    assert "the connection failed" in (given.failure or "")


def test_a_server_without_schema_is_asked_in_plain_text_for_the_rest_of_the_run() -> None:
    def play(body: dict[str, Any], _: int) -> Answer:
        if "response_format" in body:
            return error(400, "response_format is not supported")
        return completion('Sure!\n{"rationale": "ok", "score": 3}')

    with PlayingServer(play) as server:
        rulings, notices = asyncio.run(_ask(Server(server.url, KEY, 5, 1), 3))
    assert [given.score for given in rulings] == [3, 3, 3]
    assert len(server.requests) == 2 + 3, "the complaint is remembered"
    assert any("plain text" in notice for notice in notices)


def test_a_reasoning_model_gets_its_own_names_and_no_temperature() -> None:
    def play(body: dict[str, Any], _: int) -> Answer:
        if "max_tokens" in body:
            return error(400, "'max_tokens' is not supported, use 'max_completion_tokens'")
        if "temperature" in body:
            return error(400, "'temperature' does not support 0")
        return ruling(5)

    with PlayingServer(play) as server:
        rulings, notices = asyncio.run(_ask(Server(server.url, KEY, 5, 1), 2))
    assert [given.score for given in rulings] == [5, 5]
    assert server.requests[-1]["max_completion_tokens"] == 2048
    assert "response_format" in server.requests[-1]
    assert any("temperature" in notice for notice in notices)


def test_one_pair_that_is_too_long_does_not_cost_the_others_their_schema() -> None:
    too_long = [error(400, "this model has 8192 tokens of context")]
    good = ruling_with_chances(4, {4: 1.0})
    rulings, requests, notices = ask(*too_long * 2, good, attempts=1, times=2)
    assert [given.score for given in rulings] == [None, 4]
    assert "8192" in (rulings[0].failure or "")
    assert "response_format" in requests[-1]
    assert "logprobs" in requests[-1]
    assert notices == ()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (error(401, f"Incorrect API key provided: {KEY}"), "refuses the API key"),
        (error(403, "not yours"), "refuses the API key"),
        (error(404, "no model some-model"), "does not know the model"),
    ],
)
def test_what_no_pair_can_pass_stops_at_once(answer: Answer, said: str) -> None:
    with pytest.raises(JudgeError, match=said) as caught:
        ask(answer)
    assert KEY not in str(caught.value)
    assert caught.value.todo


@pytest.mark.parametrize(
    "odd", [Answer(ruling(4).body, chunked=True), Answer(ruling(4).body, close=True)]
)
def test_servers_may_answer_in_chunks_and_close_when_they_like(odd: Answer) -> None:
    rulings, requests, _ = ask(odd, times=3)
    assert [given.score for given in rulings] == [4, 4, 4]
    assert 3 <= len(requests) <= 4


def test_a_server_that_is_not_there_stops_at_once() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(JudgeError, match="cannot be reached"):
        asyncio.run(_ask(Server(f"http://127.0.0.1:{port}/v1", KEY, 5, 1), 1))


def test_a_server_that_repeats_the_key_does_not_get_it_kept() -> None:
    (given,), _, _ = ask(ruling(4, f"key {KEY} \x00 \ud800"))
    assert given.rationale == "key *** \ufffd ?"
    (given,), _, _ = ask(error(500, f"bad request of {KEY}"), attempts=1)
    assert KEY not in (given.failure or "")


def test_token_probabilities_become_the_distribution() -> None:
    answer = ruling_with_chances(4, {4: 0.6, 5: 0.2, 3: 0.15, 1: 0.05})
    (given,), _, notices = ask(answer)
    assert given.score == 4
    assert given.distribution == pytest.approx((0.05, 0, 0.15, 0.6, 0.2))
    assert notices == ()


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "Unsupported parameter: 'logprobs' is not supported with this model."),
        (403, "You are not allowed to request logprobs from this model"),
        (501, "logprobs is not supported here"),
        (500, "top_logprobs: not implemented"),
    ],
)
def test_a_server_that_refuses_token_probabilities_is_not_asked_again(
    status: int, message: str
) -> None:
    def play(body: dict[str, Any], _: int) -> Answer:
        return error(status, message) if "logprobs" in body else ruling(3)

    with PlayingServer(play) as server:
        rulings, notices = asyncio.run(_ask(Server(server.url, KEY, 5, 1), 3))
    assert [given.score for given in rulings] == [3, 3, 3]
    assert all(given.distribution is None for given in rulings)
    forms = 2 if "top_logprobs" in message else 1
    assert len(server.requests) == forms + 3, "the refusal is remembered"
    assert "response_format" in server.requests[-1]
    assert any("no token probabilities" in notice for notice in notices)


def test_a_server_that_allows_fewer_tokens_is_asked_for_fewer() -> None:
    def play(body: dict[str, Any], _: int) -> Answer:
        if body["top_logprobs"] > 5:
            return error(400, "top_logprobs must be at most 5")
        return ruling_with_chances(2, {2: 0.9, 3: 0.1})

    with PlayingServer(play) as server:
        rulings, _ = asyncio.run(_ask(Server(server.url, KEY, 5, 1), 1))
    assert rulings[0].distribution == pytest.approx((0, 0.9, 0.1, 0, 0))
    assert server.requests[-1]["top_logprobs"] == 5


def test_samples_are_pooled_into_one_ruling() -> None:
    parameters = JudgeParameters(temperature=1.0, samples=4)
    answers = [ruling(2, "two"), ruling(4, "four"), ruling(4, "also four"), ruling(5, "five")]
    with PlayingServer(lambda _, number: answers[number]) as server:
        where = Server(server.url, KEY, 5, 1)
        rulings, notices = asyncio.run(_ask(where, 1, parameters))
    assert (rulings[0].score, rulings[0].rationale) == (4, "four")
    assert rulings[0].distribution == (0, 0.25, 0, 0.5, 0.25)
    assert (rulings[0].prompt_tokens, rulings[0].completion_tokens) == (400, 40)
    assert all(asked["temperature"] == 1.0 for asked in server.requests)
    assert notices == (
        "the server tells no token probabilities: distributions are shares of the samples",
    )


def test_a_pair_with_too_few_good_samples_is_a_failure() -> None:
    parameters = JudgeParameters(temperature=1.0, samples=3)

    def play(body: dict[str, Any], number: int) -> Answer:
        return ruling(3) if number == 0 else completion("I say 3.")

    with PlayingServer(play) as server:
        rulings, _ = asyncio.run(_ask(Server(server.url, KEY, 5, 1), 1, parameters))
    assert rulings[0].score is None
    assert (rulings[0].failure or "").startswith("2 of 3 samples failed: ")
    assert rulings[0].distribution is None


def test_the_judge_is_its_model_prompt_and_parameters() -> None:
    other = JudgeParameters(temperature=1)
    assert llm_judge_record("some-model", PARAMETERS).id == JUDGE.id
    assert llm_judge_record("some-model", other).id != JUDGE.id
    assert llm_judge_record("other", PARAMETERS).id != JUDGE.id
    assert llm_judge_record("some-model", PARAMETERS, "mine").name == "mine"
    assert JUDGE.prompt_version
    strict = JudgePrompt("Be strict.", name="strict")
    assert llm_judge_record("m", PARAMETERS, prompt=strict).name == "m/strict"
    assert llm_judge_record("m", JudgeParameters(samples=5)).name == "m x5"
    assert llm_judge_record("m", PARAMETERS, "n", strict).id != llm_judge_record("m", PARAMETERS).id


def test_the_server_comes_from_arguments_and_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "REJUDGE_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(JudgeError, match="no API key"):
        find_server(None, timeout=1)
    assert find_server("http://localhost:8000/v1", timeout=1).key == "none"
    for bad in ("localhost:8000", "ftp://x", "http://", "http://x:99999/"):
        with pytest.raises(JudgeError, match="not an http"):
            find_server(bad, timeout=1)
    monkeypatch.setenv("OPENAI_API_KEY", "second")
    assert find_server(None, timeout=1).key == "second"
    monkeypatch.setenv("REJUDGE_API_KEY", "first")
    server = find_server("http://user:secret@host:1/v1", timeout=1)
    assert server.key == "first"
    assert server.shown == "http://host:1/v1"
    assert "first" not in repr(server)
