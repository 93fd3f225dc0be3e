"""Lines of result files: whatever they hold, each is an answer, a failure, or nothing of ours."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labels.judges.batches import lines as batch_lines
from labels.judges.batches.lines import read_answer, request_line, split_lines
from tests.labels.judges.batches.playing_batches import answered, failed, ruled

PAIR = UUID(int=7)


def read(line: dict[str, Any]) -> Any:
    return read_answer(json.dumps({"custom_id": f"{PAIR}.0"} | line).encode())


def test_a_request_names_its_pair_and_the_answer_finds_it() -> None:
    asked = json.loads(request_line(PAIR, 3, {"model": "m"}))
    assert (asked["method"], asked["url"]) == ("POST", "/v1/chat/completions")
    assert asked["body"] == {"model": "m"}
    told = read_answer(json.dumps({"custom_id": asked["custom_id"]} | ruled(4)).encode())
    assert told is not None
    assert (told.pair_id, told.sample) == (PAIR, 3)
    assert told.completion is not None


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (answered("x", status=400), "the server answered 400"),
        ({"response": {"status_code": 429, "body": {"error": {"message": "slow"}}}}, "429: slow"),
        (answered(None), "no text"),
        ({"response": {"status_code": 200, "body": {"choices": []}}}, "no choices"),
        ({"response": {"status_code": 200, "body": "x"}}, "no choices"),
        (failed("server_error", "oops"), "the request failed: oops"),
        (failed("batch_expired", "late"), "expired before this request"),
        ({"response": [], "error": 3}, "the request failed"),
        ({}, "the request failed"),
    ],
)
def test_what_is_no_completion_is_a_failure(line: dict[str, Any], reason: str) -> None:
    told = read(line)
    assert told.completion is None
    assert reason in told.failure
    assert not told.unasked


def test_a_cancelled_request_was_never_asked() -> None:
    assert read(failed("batch_cancelled", "stopped")).unasked


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"garbage",
        b"[]",
        b"null",
        b'{"custom_id": 3}',
        b'{"custom_id": "x.0"}',
        b"[" * 100_000,
        json.dumps({"custom_id": f"{PAIR}.x"}).encode(),
        json.dumps({"custom_id": PAIR.hex}).encode(),
    ],
)
def test_what_names_no_request_of_ours_is_nothing(line: bytes) -> None:
    assert read_answer(line) is None


LINE = st.text(st.characters(codec="utf-8", exclude_characters="\n"))


@given(st.lists(LINE, max_size=5), st.integers(1, 7))
def test_only_a_newline_ends_a_line(lines: list[str], size: int) -> None:
    whole = "\n".join(lines).encode()
    pieces = [whole[start : start + size] for start in range(0, len(whole), size)]
    expected = whole.split(b"\n")
    if not expected[-1]:
        expected.pop()
    assert list(split_lines(pieces)) == expected


def test_a_line_without_end_is_not_held_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_lines, "ANSWER_LIMIT", 10)
    pieces = [b"one\n", b"x" * 8, b"x" * 8, b"x" * 8, b"\ntwo\n", b"y" * 20]
    assert list(split_lines(pieces)) == [b"one", None, b"two", None]
