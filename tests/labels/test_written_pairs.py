from __future__ import annotations

import re
from collections import Counter
from itertools import groupby

from tests.sample_files import (
    WRITTEN_FILE,
    WrittenPair,
    content_words,
    overlap,
    sample_pairs,
    spec_queries,
    written_pairs,
)

PAIRS = written_pairs()
BY_QUERY = {query: list(pairs) for query, pairs in groupby(PAIRS, key=lambda pair: pair["query"])}


def test_the_file_is_clean_utf8_with_the_fields_that_users_import() -> None:
    raw = WRITTEN_FILE.read_bytes()
    raw.decode("utf-8")
    assert raw.endswith(b"}\n")
    assert not re.search(rb"[ \t\r]\n", raw)
    assert all(list(pair) == list(WrittenPair.__annotations__) for pair in PAIRS)


def test_a_querys_pairs_lie_together_and_none_comes_twice() -> None:
    assert len(BY_QUERY) == sum(1 for _ in groupby(PAIRS, key=lambda pair: pair["query"]))
    counts = Counter((pair["query"], pair["file_path"], pair["func_name"]) for pair in PAIRS)
    assert max(counts.values()) == 1
    folded = Counter(query.casefold() for query in BY_QUERY)
    folded.update({pair["query"].casefold() for pair in sample_pairs()})
    assert max(folded.values()) == 1


def test_each_query_has_something_good_and_scores_are_one_to_five() -> None:
    assert {pair["llm_score"] for pair in PAIRS} == {1, 2, 3, 4, 5}
    assert all(max(pair["llm_score"] for pair in pairs) >= 4 for pairs in BY_QUERY.values())


def test_no_query_is_like_one_of_the_spec() -> None:
    asked = [content_words(each["query"]) for each in spec_queries()]
    for query in BY_QUERY:
        words = content_words(query)
        assert max(overlap(words, other) for other in asked) < 0.5, query


def test_many_files_are_asked_for() -> None:
    files = Counter(pair["file_path"] for pair in PAIRS if pair["llm_score"] == 5)
    assert len(files) > 300
    assert max(files.values()) < 0.02 * len(PAIRS)
