"""BM25 over documents: words of code, ranks, ties."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.search import LexicalIndex, build_index, tokenise
from core.store.opening import open_store
from tests.building import Scored, add_scored, new_workspace

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("parse_http_response", ["parse", "http", "response"]),
        ("HTTPServer.handleRequest2", ["http", "server", "handle", "request", "2"]),
        ("the root of a codebase", ["root", "codebase"]),
        ("x = A + y", []),
        ("src/file-watcher.rs", ["src", "file", "watcher", "rs"]),
        ("größe 数据", ["gr", "öß", "数据"]),
        ("\x00\x1b[31m", ["31"]),
        ("", []),
    ],
)
def test_words_of_code(text: str, words: list[str]) -> None:
    assert tokenise(text) == words


@settings(max_examples=100)
@given(st.text())
def test_any_text_has_words_in_lower_case(text: str) -> None:
    assert all(word and word == word.lower() for word in tokenise(text))


def index_of(*texts: str) -> LexicalIndex:
    vocabulary: dict[str, int] = {}
    numbers = [
        array("i", [vocabulary.setdefault(word, len(vocabulary)) for word in tokenise(text)])
        for text in texts
    ]
    return LexicalIndex([UUID(int=n) for n in range(len(texts))], numbers, vocabulary)


def test_the_best_come_first_and_ties_go_to_the_smaller_id() -> None:
    index = index_of("watch file", "other thing", "watch file", "watch file file", "watch file")
    ranked = index.rank("file", 3)
    assert [one.int for one, _ in ranked] == [3, 0, 2]
    assert ranked[0][1] > ranked[1][1] == ranked[2][1]
    assert [one.int for one, _ in index.rank("file", 100)] == [3, 0, 2, 4]
    assert [one.int for one, _ in index.rank_among("file", [UUID(int=4), UUID(int=1)], 5)] == [4]


def test_places_count_from_one_and_are_shared_by_ties() -> None:
    index = index_of("file file watch", "file watch", "watch file", "nothing here")
    places = [index.place("file", UUID(int=number)) for number in range(5)]
    assert places == [1, 2, 2, None, None]


@pytest.mark.parametrize("query", ["", "the", "unknownword", "\x00", "!!!"])
def test_a_query_without_known_words_finds_nothing(query: str) -> None:
    assert index_of("watch file").rank(query, 5) == []
    assert index_of().rank(query, 5) == []
    assert index_of("", "").rank(query, 5) == []


def test_path_and_symbol_are_words_of_a_document(tmp_path: Path) -> None:
    rows = [
        Scored("q", "pass", path="src/watcher.rs", symbol=""),
        Scored("q", "pass", path="b.rs", symbol="findRoot"),
        Scored("q", "pass", path="c.rs", symbol=""),
    ]
    with open_store(new_workspace(tmp_path).folder) as store:
        add_scored(store, rows)
        read: list[int] = []
        index = build_index(store, advance=read.append)
        paths: dict[UUID, str] = dict(store.read("SELECT id, path FROM db.documents"))
    assert read == [3]
    assert [paths[one] for one, _ in index.rank("watcher", 3)] == ["src/watcher.rs"]
    assert [paths[one] for one, _ in index.rank("find the root", 3)] == ["b.rs"]
