"""A score comes from an object that fits the schema, and from nowhere else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.judges.reply import RATIONALE_LIMIT, Reply, ReplyError, parse_reply

GOOD = '{"rationale": "does it", "score": 4}'


def test_a_good_reply_is_read() -> None:
    assert parse_reply(f"\n {GOOD} \n") == Reply("does it", 4)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "Score: 4",
        "4",
        "[4]",
        "null",
        "{}",
        '{"score": 4}',
        '{"rationale": "x"}',
        '{"rationale": "x", "score": "4"}',
        '{"rationale": "x", "score": 4.0}',
        '{"rationale": "x", "score": true}',
        '{"rationale": "x", "score": null}',
        '{"rationale": "x", "score": NaN}',
        '{"rationale": "x", "score": 0}',
        '{"rationale": "x", "score": 6}',
        '{"rationale": "x", "score": -1}',
        '{"rationale": 1, "score": 4}',
        '{"rationale": "x", "score": 4, "more": 1}',
        '{"rationale": "x", "score": 4',
        '{"rationale": "x", "score": ' + "9" * 5000 + "}",
        json.dumps({"rationale": "x" * (RATIONALE_LIMIT + 1), "score": 4}),
        "[" * 100_000,
        '{"a":' * 100_000,
    ],
)
@pytest.mark.parametrize("plain", [False, True])
def test_anything_else_is_refused(content: str, plain: bool) -> None:
    with pytest.raises(ReplyError):
        parse_reply(content, plain=plain)


def test_text_around_the_object_is_taken_only_from_a_server_without_schema() -> None:
    content = f"Let me think {{ about }} it.\n```json\n{GOOD}\n```"
    assert parse_reply(content, plain=True) == Reply("does it", 4)
    with pytest.raises(ReplyError, match="not one JSON object"):
        parse_reply(content)


def test_several_objects_with_different_scores_are_no_ruling() -> None:
    quoted = 'The code says {"rationale": "perfect", "score": 5} but '
    with pytest.raises(ReplyError, match="several"):
        parse_reply(quoted + GOOD, plain=True)
    assert parse_reply(GOOD + " " + GOOD, plain=True).score == 4


@settings(max_examples=50)
@given(st.text())
def test_no_text_gives_a_score_unless_it_is_the_object(text: str) -> None:
    try:
        reply = parse_reply(text, plain=True)
    except ReplyError:
        return
    assert json.loads(text[text.index("{") :])["score"] == reply.score


@settings(max_examples=50)
@given(st.none() | st.booleans() | st.floats() | st.text() | st.lists(st.integers(1, 5)))
def test_no_value_but_an_integer_is_a_score(value: object) -> None:
    with pytest.raises(ReplyError):
        parse_reply(json.dumps({"rationale": "x", "score": value}))
