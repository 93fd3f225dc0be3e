from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.records import QueryKind
from labels.pairs.lines import LineError, PairLine, Ruling, read_pair_line
from tests.json_values import json_values


def read(**values: object) -> PairLine:
    return read_pair_line(json.dumps({"query": "q", "positive": "code"} | values).encode())


def test_a_whole_line() -> None:
    line = read(
        query="find it",
        positive="fn x() {}\n",
        language="rust",
        file_path="src/x.rs",
        func_name="x",
        llm_score=4,
        score_reasoning="close",
        is_variation=True,
        original_query="find",
        query_kind="semantic",
        judge="gpt",
        distribution=[0, 0, 0, 1, 0],
        unknown=[1, 2],
    )
    assert line == PairLine(
        query="find it",
        code="fn x() {}\n",
        language="rust",
        path="src/x.rs",
        symbol="x",
        kind=QueryKind.SEMANTIC,
        variation_of="find",
        judge="gpt",
        ruling=Ruling(score=4),
        distribution=(0, 0, 0, 1, 0),
        rationale="close",
    )


def test_other_names_and_missing_keys() -> None:
    line = read_pair_line(b'{"query": "q", "code": "c", "path": "a.py", "symbol": "f"}')
    assert (line.code, line.path, line.symbol, line.ruling) == ("c", "a.py", "f", Ruling())


def test_code_may_be_named_by_its_place() -> None:
    line = read_pair_line(b'{"query": "q", "file_path": "a.py", "func_name": "f"}')
    assert (line.code, line.path, line.symbol) == (None, "a.py", "f")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"query": "q", "positive": "co', "not JSON"),
        (b"nonsense", "not JSON: Expecting value at column 1"),
        (b'["q", "code"]', "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'{"positive": "c"}', "no query"),
        (b'{"query": null, "positive": "c"}', "no query"),
        (b'{"query": NaN, "positive": "c"}', "no query"),
        (b'{"query": " \\n", "positive": "c"}', "the query is empty"),
        (b'{"query": "q"}', "no code"),
        (b'{"query": "q", "positive": " \\u0000"}', None),
        (b'{"query": "q", "positive": ""}', "the code is empty"),
        (b'{"query": 5, "positive": "c"}', "query is not text: 5"),
        (b'{"query": "q", "positive": ["c"]}', "positive is not text"),
        (b'{"query": "q", "positive": "c", "func_name": {}}', "func_name is not text"),
        (b'{"query": "q", "positive": "c", "is_variation": "maybe"}', "is_variation is neither"),
        (b"[" * 100_000, "not JSON"),
        (b'{"query": "q", "positive": "c", "n": ' + b"9" * 5000 + b"}", "not JSON"),
        (b'{"query": "q", "positive": "c"} {"query": "q"}', "not JSON: Extra data"),
    ],
)
def test_bad_lines_say_why(line: bytes, reason: str | None) -> None:
    if reason is None:
        assert read_pair_line(line).code == " \ufffd"
        return
    with pytest.raises(LineError, match=reason):
        read_pair_line(line)


def test_what_is_no_character_is_replaced_and_told() -> None:
    line = read_pair_line(b'{"query": "a\xff\\ud800b\x00\\u0000", "positive": "\x1b[0m\\u001b"}')
    assert line.query == "a\ufffd\ufffd\ufffd\ufffdb\ufffd\ufffd"
    assert line.code == "\x1b[0m\x1b"
    assert len(line.notes) == 3


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"is_variation": True, "original_query": "o"}, "o"),
        ({"original_query": "o"}, "o"),
        ({"is_variation": False, "original_query": "o"}, None),
        ({"is_variation": 0, "original_query": "o"}, None),
        ({"is_variation": "True", "original_query": "o"}, "o"),
        ({"is_variation": True}, None),
        ({"is_variation": True, "original_query": "q"}, None),
    ],
)
def test_variations(values: dict[str, object], expected: str | None) -> None:
    assert read(**values).variation_of == expected


def test_the_first_of_two_equal_keys_counts() -> None:
    assert read_pair_line(b'{"query": "a", "query": "b", "positive": "c"}').query == "a"


def test_a_label_is_never_taken_for_a_judges_score() -> None:
    assert read(llm_score=5, judge_score=2, grade_source="label").ruling.score == 2
    assert read(llm_score=5, judge_score=None, grade_source="label").ruling == Ruling()
    assert read(llm_score=2, judge_score=2, grade_source="judge").ruling.score == 2


def test_repairs_keep_the_line_and_are_told() -> None:
    line = read(query_kind="vague", distribution=[1], llm_score=9)
    assert (line.kind, line.distribution, line.ruling.score) == (None, None, None)
    assert len(line.notes) == 2
    assert read(distribution=[1], llm_score=3).notes == (
        "distribution is not a list of five numbers; left out",
    )


@given(st.binary(max_size=60))
def test_no_line_breaks_the_reader(line: bytes) -> None:
    with suppress(LineError):
        read_pair_line(line).query.encode()


JSON = json_values(st.text(), st.text(), leaves=5)


@given(st.dictionaries(st.sampled_from(["llm_score", "judge", "distribution", "query_kind"]), JSON))
def test_no_value_breaks_the_reader(values: dict[str, object]) -> None:
    try:
        line = read(**values)
    except LineError:
        return
    line.query.encode()
    line.judge.encode()
