"""A score is read where a reply has one reading, and nowhere else."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.judges.json_reply import ReplyError, without_thoughts
from labels.judges.reply import RATIONALE_LIMIT, Reply, parse_reply

GOOD = '{"rationale": "does it", "score": 4}'
OTHER = '{"rationale": "perfect", "score": 5}'


@pytest.mark.parametrize(
    "content",
    [
        f"\n {GOOD} \n",
        f"Let me think {{ about }} it.\n```json\n{GOOD}\n```",
        f"{GOOD} {GOOD}",
        f"<think>{OTHER}</think>{GOOD}",
        f"{OTHER} or so</think>{GOOD}",
        f"[THINK]{OTHER}[/THINK]{GOOD}",
        f"<|channel|>analysis<|message|>{OTHER}<|end|><|channel|>final<|message|>{GOOD}<|return|>",
        f"{OTHER}<|end|><|channel|>final <|constrain|>json<|message|>{GOOD}",
        f"<think>it strips </think> tags {OTHER}</think>\n{GOOD}",
        '{"Rationale": "does it", "Score": "4.0"}',
        '{"score": 4, "more": {"score": 1}, "rationale": "does it"}',
        "{'rationale': 'does it', 'score': 4}",
        '{"rationale": "does it", "score": 4, "sure": True}',
        f"The score is an integer from 1 to 5. Score: 4\n{GOOD}\nScores (1-5) are final.",
    ],
)
def test_a_reply_with_one_reading_is_read(content: str) -> None:
    assert parse_reply(content) == Reply("does it", 4)


@pytest.mark.parametrize(
    ("content", "rationale"),
    [
        ('{"rationale": "strips </think> tags", "score": 4}', "strips </think> tags"),
        ('```\n{"rationale": "opens <think>", "score": 4}\n```', "opens <think>"),
        (f'<think>{OTHER}</think>{{"rationale": "</think>", "score": 4}}', "</think>"),
        ('{"rationale": "a\nb\tc", "score": 4}', "a\nb\tc"),
        ('{"rationale": "\\d and \\\\d and \\u0041", "score": 4,}', "\\d and \\d and A"),
        ('{"rationale": "a, }", "score": 4 ,\n}', "a, }"),
        ("{'rationale': 'it\\'s \"it\"', 'score': 4}", 'it\'s "it"'),
    ],
)
def test_a_rationale_is_read_as_it_was_meant(content: str, rationale: str) -> None:
    assert parse_reply(content) == Reply(rationale, 4)


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
        '{"rationale": "x", "score": "4/5"}',
        '{"rationale": "x", "score": "four"}',
        '{"rationale": "x", "score": "4,5"}',
        '{"rationale": "x", "score": 4.5}',
        '{"rationale": "x", "score": true}',
        '{"rationale": "x", "score": null}',
        '{"rationale": "x", "score": NaN}',
        '{"rationale": "x", "score": 0}',
        '{"rationale": "x", "score": 6}',
        '{"rationale": "x", "score": -1}',
        '{"rationale": 1, "score": 4}',
        '{"rationale": "x", "score": 4',
        '{"rationale": "x", "score": 5, "score": 4}',
        '{"rationale": "x", "score": 5, "Score": 4}',
        "{'rationale': 'x', 'score': 5, 'score': 4}",
        '{"rationale": "x", "score": ' + "9" * 5000 + "}",
        json.dumps({"rationale": "x" * (RATIONALE_LIMIT + 1), "score": 4}),
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"a":' * 10_000,
        '{"rationale": "says {"rationale": "perfect", "score": 5}", "score": 1}',
        f"{OTHER} says the code, but {GOOD}",
        f"The code says {OTHER}. I give it a 1.",
        f"{GOOD}\n**Score:** 2",
        f"<think>{OTHER}",
        f"<think>{GOOD}</think>",
        f"{GOOD}<think>{OTHER}</think>",
        f'{{"one": {GOOD}, "two": {OTHER}}}',
        f"[{GOOD}, {OTHER}]",
        f'{{"outer": {{"inner": {GOOD}}}}}',
        '{"type": "object", "properties": {"rationale": {"type": "string"}, "score": {}}}',
        "{'rationale', 'score'}",
    ],
)
def test_anything_else_is_refused(content: str) -> None:
    with pytest.raises(ReplyError):
        parse_reply(content)


def test_after_the_object_of_a_cut_reply_comes_nothing() -> None:
    assert parse_reply(f"```\n{GOOD}\n  ", cut=True).score == 4
    with pytest.raises(ReplyError, match="goes on"):
        parse_reply(f"{GOOD} But wait", cut=True)


@pytest.mark.parametrize(
    "content",
    ['"\\"' * 50_000, '{"' + '\\"' * 9_000, "{'" * 9_000, "```" + " " * 100_000, "{" * 9_000],
)
def test_no_text_keeps_it_busy(content: str) -> None:
    with pytest.raises(ReplyError):
        parse_reply(content)


@settings(max_examples=50)
@given(st.text())
def test_thoughts_never_count(text: str) -> None:
    thoughts = text.replace("<", "")
    assert without_thoughts(f"<think>{thoughts}{OTHER}</think>{GOOD}") == GOOD
    assert without_thoughts(f"<think>{thoughts}{OTHER}") == ""


@settings(max_examples=50)
@given(st.none() | st.booleans() | st.floats() | st.text() | st.lists(st.integers(1, 5)))
def test_no_value_but_a_whole_number_is_a_score(value: object) -> None:
    content = json.dumps({"rationale": "x", "score": value})
    try:
        score = parse_reply(content).score
    except ReplyError:
        return
    assert not isinstance(value, bool)
    assert isinstance(value, float | str)
    assert math.isclose(float(value), score)
