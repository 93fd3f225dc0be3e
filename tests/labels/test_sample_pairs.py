from __future__ import annotations

import ast
import re
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

from tests.sample_files import (
    LIBRARY,
    PAIRS_FILE,
    SamplePair,
    content_words,
    overlap,
    sample_pairs,
    spec_queries,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

PAIRS = sample_pairs()
BY_QUERY = {query: list(pairs) for query, pairs in groupby(PAIRS, key=lambda pair: pair["query"])}
SENTENCE_END = re.compile(r"[.!?]['\")]?\s+[A-Z]")


def definitions(node: ast.AST, prefix: str = "") -> Iterator[str]:
    """Dotted names of the classes, methods and functions; not of what functions hold."""
    for field in ("body", "handlers", "orelse", "finalbody"):
        for child in getattr(node, field, ()):
            if isinstance(child, ast.ClassDef):
                yield prefix + child.name
                yield from definitions(child, f"{prefix}{child.name}.")
            elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield prefix + child.name
            else:
                yield from definitions(child, prefix)


def scores(query: str) -> list[int]:
    return [pair["llm_score"] for pair in BY_QUERY[query]]


def test_the_file_is_clean_utf8_with_the_fields_that_users_import() -> None:
    raw = PAIRS_FILE.read_bytes()
    raw.decode("utf-8")
    assert raw.endswith(b"}\n")
    assert not re.search(rb"[ \t\r]\n", raw)
    assert all(list(pair) == list(SamplePair.__annotations__) for pair in PAIRS)


def test_there_are_enough_pairs_and_queries_of_both_kinds() -> None:
    assert len(PAIRS) >= 800
    assert len(BY_QUERY) >= 200
    kinds = Counter(pairs[0]["query_kind"] for pairs in BY_QUERY.values())
    assert set(kinds) == {"semantic", "keyword"}
    assert min(kinds.values()) >= 30


def test_a_query_has_one_kind_and_its_pairs_lie_together_in_order() -> None:
    assert sum(1 for _ in groupby(PAIRS, key=lambda pair: pair["query"])) == len(BY_QUERY)
    assert list(BY_QUERY) == sorted(BY_QUERY, key=lambda query: (query.casefold(), query))
    assert all(len({pair["query_kind"] for pair in pairs}) == 1 for pairs in BY_QUERY.values())


def test_no_pair_comes_twice() -> None:
    counts = Counter((pair["query"], pair["file_path"], pair["func_name"]) for pair in PAIRS)
    assert [pair for pair, count in counts.items() if count > 1] == []


def test_scores_are_one_to_five_and_each_is_common() -> None:
    counts = Counter(pair["llm_score"] for pair in PAIRS)
    assert set(counts) == {1, 2, 3, 4, 5}
    assert min(counts.values()) >= len(PAIRS) * 0.05


def test_each_query_has_something_good_and_a_hard_negative() -> None:
    lacking = [query for query in BY_QUERY if max(scores(query)) < 4 or min(scores(query)) > 2]
    assert lacking == []


def test_every_symbol_is_defined_once_in_its_file_of_this_python() -> None:
    defined = {
        path: Counter(definitions(ast.parse((LIBRARY / path).read_bytes())))
        for path in {pair["file_path"] for pair in PAIRS}
    }
    places = {(pair["file_path"], pair["func_name"]) for pair in PAIRS}
    assert sorted(place for place in places if defined[place[0]][place[1]] != 1) == []


def test_a_rationale_is_one_sentence_and_nobody_elses() -> None:
    counts = Counter(pair["score_reasoning"] for pair in PAIRS)
    assert [reason for reason, count in counts.items() if count > 1] == []
    for reason in counts:
        assert reason.endswith("."), reason
        assert not SENTENCE_END.search(reason), reason
        assert 8 <= len(reason.split()) <= 40, reason


def test_no_query_is_one_of_the_spec_or_has_nearly_its_words() -> None:
    spec = [(each["query"], content_words(each["query"])) for each in spec_queries()]
    close = [
        (query, other)
        for query in BY_QUERY
        for other, words in spec
        if query.casefold() == other.casefold() or overlap(content_words(query), words) >= 0.5
    ]
    assert close == []


def test_what_a_keyword_query_of_the_spec_names_is_no_best_answer_here() -> None:
    named = {
        (path, word)
        for each in spec_queries()
        if each["kind"] == "keyword"
        for path in each["relevant"]
        for word in re.findall(r"\w+", each["query"])
    }
    leaks = [
        (pair["query"], pair["func_name"])
        for pair in PAIRS
        if pair["llm_score"] == 5
        and (pair["file_path"], pair["func_name"].rpartition(".")[2]) in named
    ]
    assert leaks == []
