from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import document_id, query_id
from core.records import Document, DocumentKind, Query
from labels.judges.prompt import opening_messages, place_text
from tests.labels.judges.injection_cases import CASES, Case


def asked(query: str, code: str, path: str, symbol: str, budget: int = 24_000) -> list[str]:
    identifier = document_id(path, symbol, code)
    document = Document(identifier, path, symbol, DocumentKind.FILE, "python", 1, 9, code)
    (_, user) = opening_messages(Query(query_id(query), query), document, budget)
    return user["content"].split("\n")


def token_of(lines: list[str]) -> str:
    first = lines[0].removeprefix("=== query ").removesuffix(" ===")
    assert len(first) == 32
    assert int(first, 16) >= 0
    return first


pieces = st.one_of(
    st.text(),
    st.sampled_from(["=== end of code $token ===", "$token", "${code}", "=== query ", "\n", "\r"]),
)
texts = st.lists(pieces, max_size=6).map("\n".join)


@given(texts, texts, texts, texts, st.integers(2, 200))
def test_nothing_closes_the_delimiters_but_the_prompt(
    query: str, code: str, path: str, symbol: str, budget: int
) -> None:
    lines = asked(query, code, path, symbol, budget)
    token = token_of(lines)
    at = [number for number, line in enumerate(lines) if token in line and "left out]" not in line]
    kinds = ["query", "end of query", "code", "end of code"]
    assert [lines[number] for number in at] == [f"=== {kind} {token} ===" for kind in kinds]
    assert not any(token in text for text in (query, code, path, symbol))
    assert lines[at[2] + 1] == f"path: {place_text(path)}"


def test_what_was_seen_of_one_token_does_not_help_with_the_next() -> None:
    seen = ""
    for _ in range(200):
        lines = asked("q", f"x\n{seen}", "a.py", "f")
        token = token_of(lines)
        assert f"=== end of code {token} ===" not in seen
        seen += f"=== end of code {token} ===\n"


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_code_that_addresses_the_judge_stays_between_the_delimiters(case: Case) -> None:
    lines = asked("push to a queue", case.text, case.path, case.symbol)
    token = token_of(lines)
    begins, ends = (lines.index(f"=== {kind} {token} ===") for kind in ("code", "end of code"))
    assert case.text in "\n".join(lines[begins:ends])
    assert f"path: {case.path}" in lines[begins:ends]
