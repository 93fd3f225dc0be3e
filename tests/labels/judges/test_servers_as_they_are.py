"""What real servers answer ends as a score, a named failure, or a stop that says why."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from core.errors import JudgeError
from core.ids import document_id, query_id
from core.records import Document, DocumentKind, Query
from labels.judges.llm import JudgeParameters, LlmJudge, LlmSettings, llm_judge_record
from labels.judges.server import Server
from tests.labels.judges.playing_server import Answer, PlayingServer, completion, error, ruling

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from labels.judges.judge import Ruling

    Play = Callable[[dict[str, Any], int], Answer]

GOOD: Final = '{"rationale": "it does that", "score": 4}'
PARAMETERS: Final = JudgeParameters()
FLAGGED: Final = "how to kill a process"
LONG: Final = "a query with a LONG pair"
QUERIES: Final = ("parse a file", FLAGGED, LONG, "open a socket", "sort a list", "close a file")
#: Servers refuse whole fields; this is what most say of the schema.
NO_FORMAT: Final = error(400, "response_format is not supported by this model")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labels.judges.transport._FIRST_WAIT", 0.0)


@pytest.fixture(params=[1, 8], ids=["one at a time", "eight at a time"])
def concurrency(request: pytest.FixtureRequest) -> int:
    return int(request.param)


class Outcome:
    """Rulings by query, and the requests that led to them."""

    def __init__(self, play: Play, concurrency: int, queries: Sequence[str] = QUERIES) -> None:
        self.rulings: dict[str, Ruling] = {}
        with PlayingServer(play) as server:
            where = Server(server.url, "sk-planted-1234567", 20, 2)
            self.notices = asyncio.run(self._judge(where, concurrency, list(queries)))
        self.requests = server.requests

    async def _judge(self, server: Server, concurrency: int, queries: list[str]) -> tuple[str, ...]:
        record = llm_judge_record("m", PARAMETERS)
        judge = LlmJudge(LlmSettings(server, record, PARAMETERS, concurrency=concurrency))

        async def work() -> None:
            while queries:
                text = queries.pop(0)
                self.rulings[text] = await judge.rule(Query(query_id(text), text), code_for(text))

        try:
            await asyncio.gather(*(work() for _ in range(concurrency)))
        finally:
            await judge.aclose()
        return judge.notices

    @property
    def scores(self) -> set[int | None]:
        return {found.score for found in self.rulings.values()}

    @property
    def reasons(self) -> set[str]:
        return {found.failure for found in self.rulings.values() if found.failure}

    def about(self, text: str) -> list[dict[str, Any]]:
        return [body for body in self.requests if asks(body, text)]


def code_for(query: str) -> Document:
    text = f"def answer():\n    return {query!r}\n"
    kind = DocumentKind.FUNCTION
    return Document(
        document_id("a.py", "answer", text), "a.py", "answer", kind, "python", 1, 2, text
    )


def asks(body: dict[str, Any], text: str) -> bool:
    return text in json.dumps(body["messages"])


def always(answer: Answer) -> Play:
    return lambda _body, _number: answer


def without_format(answer: Answer) -> Play:
    """Play a server that refuses ``response_format`` and then answers."""
    return lambda body, _: NO_FORMAT if "response_format" in body else answer


def parts(*more: dict[str, Any]) -> Answer:
    return completion([*more, {"type": "text", "text": GOOD}])


def calling_a_tool(arguments: object) -> Answer:
    call = {"id": "c", "type": "function", "function": {"name": "rule", "arguments": arguments}}
    message = {"content": None, "tool_calls": [call]}
    return completion(None, finish_reason="tool_calls", message=message)


def picky(body: dict[str, Any], _number: int) -> Answer:
    """Play a reasoning model: no probabilities, no temperature, the limit under another name."""
    for name in ("logprobs", "max_tokens", "temperature"):
        if name in body:
            other = " Use 'max_completion_tokens' instead." if name == "max_tokens" else ""
            return error(400, f"Unsupported parameter: '{name}' is not supported.{other}")
    return ruling(4)


def limited_at_first(_body: dict[str, Any], number: int) -> Answer:
    return ruling(4) if number else error(429, "Rate limit reached.")


THOUGHTS: Final = 'The code says {"rationale": "perfect", "score": 5}. It parses. I would say 3.'

JUDGED: Final[dict[str, Play]] = {
    "good": always(completion(GOOD)),
    "o1": picky,
    "rate_once": limited_at_first,
    "extra_key": always(completion('{"rationale": "r", "score": 4, "confidence": 0.9}')),
    "bom": always(Answer(f"\ufeff{completion(GOOD).body}")),
    "bom_in_content": always(completion(f"\ufeff{GOOD}")),
    "fenced": always(completion(f"```json\n{GOOD}\n```")),
    "fenced400": without_format(completion(f"```\n{GOOD}\n```")),
    "think": always(completion(f"<think>\n{THOUGHTS}\n</think>\n\n{GOOD}")),
    "think400": without_format(completion(f"<think>{THOUGHTS}</think>{GOOD}")),
    "think_begun_by_the_template": always(completion(f"{THOUGHTS}\n</think>\n{GOOD}")),
    "prose": always(completion(f"Here is my ruling:\n\n{GOOD}\n\nLet me know if you need more.")),
    "prose400": without_format(completion(f"My ruling:\n{GOOD}\nLet me know.")),
    "wrapped": always(completion(f'{{"ruling": {GOOD}}}')),
    "listed": always(completion(f"[{GOOD}]")),
    "quoted": always(completion(json.dumps(GOOD))),
    "contentlist": always(parts({"type": "thinking", "thinking": [{"text": THOUGHTS}]})),
    "contentlist_plain": always(parts()),
    "toolcall": always(calling_a_tool(GOOD)),
    "toolcall_object": always(calling_a_tool(json.loads(GOOD))),
    "rawnewline400": without_format(completion('{"rationale": "line\nline", "score": 4}')),
    "badescape400": without_format(completion('{"rationale": "regex \\d+ as asked", "score": 4}')),
    "trailingcomma400": without_format(completion('{"rationale": "fits", "score": 4,}')),
    "singlequote400": without_format(completion("{'rationale': 'fits', 'score': 4}")),
    "score_text": always(ruling("4")),
    "score_float": always(ruling(4.0)),
}


@pytest.mark.parametrize("mode", JUDGED)
def test_every_pair_is_judged(mode: str, concurrency: int) -> None:
    outcome = Outcome(JUDGED[mode], concurrency)
    assert (outcome.scores, outcome.reasons) == ({4}, set())
    assert not any(len(body["messages"]) > 2 for body in outcome.requests), "nothing was repaired"


def reasoning(content: object) -> Answer:
    message = {"content": content, "reasoning_content": GOOD}
    return completion(None, finish_reason="length", message=message)


#: What the server does, what the failure says, and how many requests a pair takes.
FAILED: Final[dict[str, tuple[Play, str, int]]] = {
    "filtered_null": (
        always(completion(None, finish_reason="content_filter")),
        "the server's content filter stopped the reply",
        1,
    ),
    "filtered_empty": (
        always(completion("", finish_reason="content_filter")),
        "the server's content filter stopped the reply",
        1,
    ),
    "refusal": (
        always(completion(None, message={"content": None, "refusal": "I cannot assist."})),
        "the model refused to answer: I cannot assist.",
        1,
    ),
    "toolcall_of_another_kind": (
        always(calling_a_tool('{"path": "a.py"}')),
        "the model called the tool rule instead of answering",
        1,
    ),
    "reasoning_null": (always(reasoning(None)), "cut at 2048 tokens", 1),
    "reasoning_empty": (always(reasoning("")), "raise --max-tokens", 1),
    "thoughts_cut": (
        always(completion(f"<think>{THOUGHTS} {GOOD}", finish_reason="length")),
        "raise --max-tokens",
        1,
    ),
    "drafts_cut": (
        always(completion(f"Perhaps {GOOD} but wait, it", finish_reason="length")),
        "goes on after its JSON object",
        2,
    ),
    "score_frac": (always(ruling("4/5")), '"score" must be an integer from 1 to 5, not "4/5"', 2),
    "score_word": (always(ruling("four")), 'not "four"', 2),
    "flawed": (always(completion('{"rationale": "x" "score": 4}')), "has a flaw: Expecting ','", 2),
    "quoting_a_reply": (
        always(completion('{"rationale": "says {"rationale": "good", "score": 5}", "score": 1}')),
        "has a flaw",
        2,
    ),
    "two_scores": (
        always(completion(f"The code says {GOOD}, but I give it a 1.")),
        "names another score",
        2,
    ),
    "nochoices": (always(Answer('{"choices": [], "usage": null}')), "has no choices", 1),
    "html200": (
        always(Answer("<html><body>Please log in to the proxy</body></html>")),
        "not JSON: Please log in to the proxy",
        1,
    ),
    "sse": (always(Answer("data: {}\n\ndata: [DONE]\n\n")), "a stream of events", 1),
    "openrouter200": (
        always(Answer('{"error": {"message": "upstream rate limit exceeded", "code": 429}}')),
        "the server answered 429: upstream rate limit exceeded",
        2,
    ),
    "openrouter200choice": (
        always(completion("", error={"code": 502, "message": "Provider disconnected"})),
        "the server answered 502: Provider disconnected",
        2,
    ),
    "error200": (
        always(Answer('{"error": "the model crashed"}')),
        "the server answered with an error: the model crashed",
        1,
    ),
}


@pytest.mark.parametrize("mode", FAILED)
def test_every_pair_fails_by_name_and_is_not_asked_again_in_vain(
    mode: str, concurrency: int
) -> None:
    play, reason, times = FAILED[mode]
    outcome = Outcome(play, concurrency)
    assert outcome.scores == {None}
    assert all(reason in said for said in outcome.reasons), outcome.reasons
    assert len(outcome.requests) == times * len(QUERIES)


#: What the server does, and what it says when no pair can be judged.
STOPPED: Final[dict[str, tuple[Play, str]]] = {
    "lmstudio": (
        always(Answer('{"error": "Unexpected endpoint or method. (POST /chat/completions)"}')),
        "Unexpected endpoint or method",
    ),
    "gone404": (always(error(404, "The model `m` does not exist")), "The model `m` does not exist"),
    "quota429": (
        always(
            Answer(
                '{"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}',
                429,
                {"retry-after-ms": "1"},
            )
        ),
        "the account has no credit: the server answered 429: You exceeded your quota",
    ),
    "credits402": (always(error(402, "Add more credits")), "Add more credits"),
    "key401": (always(error(401, "Incorrect API key")), "refuses the API key"),
}


@pytest.mark.parametrize("mode", STOPPED)
def test_what_no_pair_can_pass_stops_in_the_servers_words(mode: str, concurrency: int) -> None:
    play, said = STOPPED[mode]
    with pytest.raises(JudgeError) as caught:
        Outcome(play, concurrency)
    assert said in str(caught.value)
    if mode in {"lmstudio", "gone404"}:
        assert "the address mostly ends in /v1" in caught.value.todo


#: The five shapes of error bodies.
SHAPES: Final[dict[str, Callable[[int, str], Answer]]] = {
    "openai": error,
    "strerr": lambda status, message: Answer(json.dumps({"error": message}), status),
    "detail": lambda status, message: Answer(json.dumps({"detail": message}), status),
    "details": lambda status, message: Answer(json.dumps({"detail": [{"msg": message}]}), status),
    "listerr": lambda status, message: Answer(
        json.dumps([{"error": {"code": status, "message": message}}]), status
    ),
    "text": lambda status, message: Answer(message, status),
    "toplevel": lambda status, message: Answer(
        json.dumps({"object": "error", "message": message, "code": status, "param": None}), status
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("status", [400, 422])
def test_a_complaint_is_understood_in_every_shape(
    shape: str, status: int, concurrency: int
) -> None:
    complain = SHAPES[shape]

    def play(body: dict[str, Any], _: int) -> Answer:
        if body.get("temperature") == 0:
            return complain(status, "temperature must be 1 for this model")
        if "max_tokens" in body:
            return complain(status, "Unsupported: max_tokens, use max_completion_tokens")
        if "response_format" in body:
            return complain(status, "'response_format.type' must be 'text'")
        if asks(body, LONG):
            return complain(status, "Prompt has 5000 tokens, the context window is 4096 tokens")
        return ruling(4)

    outcome = Outcome(play, concurrency)
    assert outcome.rulings.pop(LONG).failure == (
        f"the server answered {status}: Prompt has 5000 tokens, the context window is 4096 tokens"
    )
    assert outcome.scores == {4}
    assert len(outcome.requests) == len(QUERIES) + 4, "each complaint is heard once"
    assert outcome.requests[-1]["max_completion_tokens"] == PARAMETERS.max_tokens


@pytest.mark.parametrize("shape", SHAPES)
def test_a_refused_key_is_told_in_the_servers_words(shape: str, concurrency: int) -> None:
    said = "Token expired on 2026-01-01, renew it at https://example.org"
    with pytest.raises(JudgeError, match=r"refuses the API key.*renew it at"):
        Outcome(always(SHAPES[shape](401, said)), concurrency)


#: One pair that the server refuses, and what it says of it.
REFUSED: Final = {
    "moderation403": Answer(
        json.dumps(
            {
                "error": {
                    "code": 403,
                    "message": "your input was flagged",
                    "metadata": {"reasons": ["violence"]},
                }
            }
        ),
        403,
    ),
    "waf403": Answer("<html><title>Attention!</title>You have been blocked</html>", 403),
    "guard401": error(401, "Guardrail: prompt injection detected"),
    "azure400": Answer(
        json.dumps(
            {
                "error": {
                    "message": "The response was filtered. Please modify your prompt and retry.",
                    "param": "prompt",
                    "code": "content_filter",
                }
            }
        ),
        400,
    ),
    "echo422": Answer(
        json.dumps({"detail": [{"loc": ["body", "messages"], "msg": "bad: set_temperature(t)"}]}),
        422,
    ),
    "blip404": error(404, "upstream not found"),
}


@pytest.mark.parametrize("mode", REFUSED)
@pytest.mark.parametrize("place", [0, 3])
def test_a_pair_that_is_refused_fails_alone(mode: str, place: int, concurrency: int) -> None:
    if mode == "blip404" and place == 0:
        pytest.skip("before any answer, 404 means the model or the address")
    queries = [query for query in QUERIES if query != FLAGGED]
    queries.insert(place, FLAGGED)
    outcome = Outcome(
        lambda body, _: REFUSED[mode] if asks(body, FLAGGED) else ruling(4), concurrency, queries
    )
    failure = outcome.rulings.pop(FLAGGED).failure or ""
    assert failure.startswith(f"the server answered {REFUSED[mode].status}: ")
    if mode == "moderation403":
        assert failure.endswith("your input was flagged; violence")
    if mode == "waf403":
        assert failure.endswith("Attention! You have been blocked")
    assert outcome.scores == {4}
    for text in outcome.rulings:
        (body,) = outcome.about(text)
        assert body["response_format"]["type"] == "json_schema", "nobody else pays for it"
        assert (body["temperature"], body["logprobs"]) == (0, True)


#: What a server says of a pair that is too long, and the smaller limit that is asked for.
TOO_LONG: Final = {
    "vllmctx": (
        (
            "'max_tokens' or 'max_completion_tokens' is too large: 2048. This model's maximum"
            " context length is 4096 tokens and your request has 3000 input tokens."
        ),
        1080,
    ),
    "vllmctx_old": (
        (
            "This model's maximum context length is 4096 tokens. However, you requested 5348 tokens"
            " (3300 in the messages, 2048 in the completion). Please reduce the length."
        ),
        780,
    ),
    "vllmctx_negative": ("max_tokens must be at least 1, got -186.", None),
    "no_numbers": ("the request exceeds the available context size", 512),
}


@pytest.mark.parametrize("mode", TOO_LONG)
@pytest.mark.parametrize("fits", [True, False])
@pytest.mark.parametrize("place", [0, 3])
def test_a_pair_that_is_too_long_is_asked_about_with_a_smaller_limit_or_fails(
    mode: str, fits: bool, place: int, concurrency: int
) -> None:
    message, smaller = TOO_LONG[mode]

    def play(body: dict[str, Any], _: int) -> Answer:
        fitting = fits and body["max_tokens"] == smaller
        return error(400, message) if asks(body, LONG) and not fitting else ruling(4)

    queries = [query for query in QUERIES if query != LONG]
    queries.insert(place, LONG)
    outcome = Outcome(play, concurrency, queries)
    found = outcome.rulings.pop(LONG)
    if fits and smaller:
        assert found.score == 4
    else:
        assert message[:100] in (found.failure or "")
    assert len(outcome.about(LONG)) == (2 if smaller else 1)
    assert outcome.scores == {4}
    for text in outcome.rulings:
        (body,) = outcome.about(text)
        assert body["max_tokens"] == PARAMETERS.max_tokens
    assert not any("schema" in notice for notice in outcome.notices)


@pytest.mark.parametrize("concurrency", [1, 3, 8, 16, 32])
@pytest.mark.parametrize("shape", ["openai", "listerr"])
@pytest.mark.parametrize("named", [True, False])
def test_nobody_fails_while_the_form_is_worked_out(
    shape: str, named: bool, concurrency: int
) -> None:
    place = "generation_config.response_schema.properties[1].enum[0]" if named else "field 7"

    def play(body: dict[str, Any], _: int) -> Answer:
        bad = "response_format" in body
        return SHAPES[shape](400, f"Invalid value at '{place}', 1") if bad else ruling(4)

    outcome = Outcome(play, concurrency, [f"query {number}" for number in range(60)])
    assert (outcome.scores, len(outcome.rulings)) == ({4}, 60)
    assert len(outcome.requests) <= 60 + 6
    assert outcome.requests[-1]["logprobs"], "what the server takes stays"


def test_a_form_that_was_guessed_for_one_pair_alone_is_undone(concurrency: int) -> None:
    def play(body: dict[str, Any], _: int) -> Answer:
        bad = asks(body, QUERIES[0]) and "logprobs" in body
        return error(400, "Bad request.") if bad else ruling(4)

    outcome = Outcome(play, concurrency)
    assert outcome.scores == {4}
    assert all("logprobs" in body for body in outcome.requests if not asks(body, QUERIES[0]))


def test_a_server_that_takes_a_field_only_at_times_costs_no_pair(concurrency: int) -> None:
    def play(body: dict[str, Any], number: int) -> Answer:
        bad = number % 3 == 2 and "logprobs" in body
        return error(400, "logprobs are not supported by this provider") if bad else ruling(4)

    outcome = Outcome(play, concurrency, [f"query {number}" for number in range(20)])
    assert outcome.scores == {4}


def test_a_server_that_fails_at_first_keeps_nobody_waiting() -> None:
    """The form is not found yet, and still eight are asked at a time."""
    at_once: list[int] = []

    def play(_body: dict[str, Any], number: int) -> Answer:
        at_once.append(number)
        return Answer(error(503, "loading").body, 503, {"retry-after-ms": "1"})

    outcome = Outcome(play, 8, [f"query {number}" for number in range(16)])
    assert outcome.scores == {None}
    assert outcome.reasons == {"the server answered 503: loading"}
    assert len(at_once) == 32


def test_a_query_stays_at_the_end_of_the_address() -> None:
    """Azure names its version there, and reads the key from a header of its own."""
    server = Server("https://a.example/openai/deployments/m?api-version=2026-01-01", "sk-azure")
    assert server.base_url == "https://a.example/openai/deployments/m"
    assert server.query == {"api-version": "2026-01-01"}
    assert server.headers == {"api-key": "sk-azure"}
    assert Server("http://b.example/v1", "sk").headers == {}
