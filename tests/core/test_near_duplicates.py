"""When queries are the same, and finding the nearly same among many."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.search import NearDuplicates, QueryText, query_text
from train.dataset.queries import SpecGuard
from train.dataset.records import LeakRule


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Detect file changes!", "detect   FILE changes"),
        ("lru_cache", "LruCache"),
        ("lru_cache", "lrucache"),
        ("café menu", "CAFE menu"),
        ("ﬁle name", "file name"),
        ("=>", " => "),
    ],
)
def test_case_marks_spaces_and_accents_make_no_other_text(one: str, other: str) -> None:
    assert query_text(one).plain == query_text(other).plain


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("detecting when files change on disk", "detect changed file on the disk"),
        ("how are results cached", "caching the result"),
        ("copy a directory", "directories copied"),
        ("parse_args add_argument", "addArgument, parseArgs"),
    ],
)
def test_forms_order_and_stopwords_make_no_other_words(one: str, other: str) -> None:
    assert query_text(one).words == query_text(other).words


@pytest.mark.parametrize(
    ("one", "other"), [("=>", "<="), ("what is it", "how do you"), ("读取文件", "写入文件")]
)
def test_queries_of_nothing_but_marks_or_stopwords_are_told_apart(one: str, other: str) -> None:
    assert query_text(one).plain != query_text(other).plain
    assert query_text(one).key != query_text(other).key


def test_a_script_without_spaces_is_compared_in_parts() -> None:
    index = NearDuplicates([query_text("读取配置文件内容")], 0.5)
    assert index.find(query_text("读取配置文件")) is not None
    assert index.find(query_text("网络连接超时")) is None


WORD_SETS = st.frozensets(st.sampled_from("abcdefghij"), min_size=1, max_size=7)


@given(
    st.lists(WORD_SETS, max_size=12),
    st.lists(WORD_SETS, min_size=1, max_size=6),
    st.sampled_from([0.1, 0.3, 0.5, 0.6, 2 / 3, 0.75, 0.8, 1.0]),
    st.integers(0, 12),
)
def test_the_search_finds_what_comparing_each_with_each_finds(
    sets: list[frozenset[str]], probes: list[frozenset[str]], threshold: float, at_first: int
) -> None:
    texts = [QueryText(f"text {n}", words) for n, words in enumerate(sets)]
    index = NearDuplicates(texts[:at_first], threshold)
    for text in texts[at_first:]:
        index.add(text)
    for probe in probes:
        alike = [len(probe & words) / len(probe | words) for words in sets]
        best = max(alike, default=0.0)
        found = index.find(QueryText("probe", probe))
        if best < threshold - 1e-12:
            assert found is None
        else:
            assert found is not None
            assert (found.place, found.similarity) == (alike.index(best), best)


SPEC = "detecting when files change on disk"


@pytest.mark.parametrize(
    ("text", "variation_of", "rule"),
    [
        ("Detecting when files change on disk?", None, LeakRule.SAME_TEXT),
        ("detect changes of a file on disk", None, LeakRule.SAME_WORDS),
        ("detect file changes", None, LeakRule.NEAR_DUPLICATE),
        ("watcher", "detecting when files change on disk", LeakRule.VARIATION),
        ("notice edits from outside", None, LeakRule.VARIATION),
        ("finding the root of a codebase", None, None),
        ("watcher", "something else", None),
    ],
)
def test_the_guard_says_by_which_rule(
    text: str, variation_of: str | None, rule: LeakRule | None
) -> None:
    guard = SpecGuard([(SPEC, None), ("reload on save", "noticing edits from outside")], 0.5)
    leak = guard.leak(text, variation_of)
    assert (leak.rule if leak else None) == rule
    if leak:
        assert leak.spec_query in {SPEC, "reload on save"}


def test_without_specs_nothing_leaks() -> None:
    assert SpecGuard([], 0.5).leak("anything") is None
