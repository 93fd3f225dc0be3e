from __future__ import annotations

import json
import re
from collections import Counter
from itertools import combinations

import pytest

from eval.metrics import clean_path
from tests.sample_files import LIBRARY, SPEC_FILE, SpecQuery, content_words, overlap, spec_queries

QUERIES = spec_queries()
SEMANTIC = [query for query in QUERIES if query["kind"] == "semantic"]
KEYWORD = [query for query in QUERIES if query["kind"] == "keyword"]


def path_letters(path: str) -> str:
    return re.sub(r"[^a-z]", "", path.lower().removesuffix(".py"))


def test_the_file_is_plain_json_of_the_form_that_users_import() -> None:
    raw = SPEC_FILE.read_bytes()
    assert not re.search(rb"[ \t\r]\n", raw)
    content = json.loads(raw)
    assert content["corpus"] == "python-stdlib"
    assert all(set(each) == {"id", "query", "kind", "relevant"} for each in content["queries"])


def test_there_are_enough_queries_of_both_kinds() -> None:
    assert len(SEMANTIC) >= 60
    assert len(KEYWORD) >= 40
    assert len(SEMANTIC) + len(KEYWORD) == len(QUERIES)


@pytest.mark.parametrize("field", ["id", "query"])
def test_no_query_comes_twice(field: str) -> None:
    values = {"id": [each["id"] for each in QUERIES], "query": [each["query"] for each in QUERIES]}
    counts = Counter(value.casefold() for value in values[field])
    assert [value for value, count in counts.items() if count > 1] == []


def test_no_two_queries_have_nearly_the_same_words() -> None:
    words = [(each["query"], content_words(each["query"])) for each in QUERIES]
    close = [(a, b) for (a, x), (b, y) in combinations(words, 2) if overlap(x, y) >= 0.5]
    assert close == []


def test_every_relevant_file_is_in_this_python() -> None:
    paths = {path for query in QUERIES for path in query["relevant"]}
    assert sorted(path for path in paths if not (LIBRARY / path).is_file()) == []


def test_relevant_paths_are_clean_and_given_once() -> None:
    for query in QUERIES:
        assert query["relevant"], query["id"]
        assert len(set(query["relevant"])) == len(query["relevant"]), query["id"]
        assert all(clean_path(path) == path for path in query["relevant"]), query["id"]


@pytest.mark.parametrize("query", SEMANTIC, ids=lambda query: str(query["id"]))
def test_no_word_of_a_semantic_query_is_in_the_name_of_its_file(query: SpecQuery) -> None:
    found = [
        (word, path)
        for word in content_words(query["query"])
        for path in query["relevant"]
        if len(word) >= 3 and word in path_letters(path)
    ]
    assert found == []


def test_the_code_has_few_of_the_words_of_the_semantic_queries() -> None:
    shares = []
    for query in SEMANTIC:
        words = content_words(query["query"])
        texts = [(LIBRARY / path).read_text(encoding="utf-8") for path in query["relevant"]]
        known = content_words(" ".join(texts))
        shares.append(len(words & known) / len(words))
    assert sum(shares) / len(shares) < 0.5


def test_every_word_of_a_keyword_query_is_in_each_of_its_files() -> None:
    missing = []
    for query in KEYWORD:
        for path in query["relevant"]:
            text = (LIBRARY / path).read_text(encoding="utf-8").lower() + path
            words = re.findall(r"\w+", query["query"].lower())
            missing += [(query["id"], word) for word in words if word not in text]
    assert missing == []
