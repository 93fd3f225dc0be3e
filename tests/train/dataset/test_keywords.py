"""Keyword pairs: which queries a document gives, how many, and never a spec's."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from core.ids import document_id
from core.records import Document, DocumentKind, QueryKind
from core.store.tables import add_documents
from tests.building import Scored, add_scored
from tests.train.dataset.example import add_spec, fill
from train.dataset.building import build_training_set
from train.dataset.keywords import Vocabulary, identifier_bag, name_parts, name_queries
from train.dataset.records import GradeSource, Split, TrainingSet, TrainingSetPlan

if TYPE_CHECKING:
    from core.store.database import Store


@pytest.mark.parametrize(
    ("path", "symbol", "queries"),
    [
        ("queue.py", "Queue.get", ["get", "Queue get", "queue get"]),
        ("src/watcher.rs", "Watcher::poll", ["poll", "Watcher poll", "watcher poll"]),
        ("a.rs", "impl Iterator for Pages<'a, T>", ["Pages", "Iterator Pages", "a Pages"]),
        ("a.cpp", "ns::Map<int, Box<T>>::find", ["find", "Map find", "a find"]),
        ("a.rs", "vec!", ["vec", "a vec"]),
        ("socket.py", "socketpair#2", ["socketpair", "socket socketpair"]),
        ("src/watcher.rs", "", ["watcher"]),
        ("logging/__init__.py", "(module)#10", []),
        ("", "main", ["main"]),
        ("", "", []),
    ],
)
def test_names_of_a_document(path: str, symbol: str, queries: list[str]) -> None:
    assert name_queries(path, symbol) == queries


def test_a_symbol_that_is_no_name_has_no_parts() -> None:
    assert name_parts("(module)") == []
    assert name_parts("<<>>") == []


CODE = "def load_all(path):\n    value = readHeader(path)\n    the = rare_one(value) and HTTP2\n"


VOCABULARY = Vocabulary(
    {"value", "save", "Loader"}, {"value": 900, "rare_one": 2, "path": 50}, telling=5
)


def bag(text: str, symbol: str, siblings: tuple[str, ...], seed: int) -> list[str]:
    return (identifier_bag(text, symbol, siblings, VOCABULARY, Random(seed)) or "").split()  # noqa: S311


def test_a_bag_has_telling_identifiers_in_the_order_of_the_code() -> None:
    drawn = [bag(CODE, "load_all", (), seed) for seed in range(60)]
    for words in drawn:
        assert 2 <= len(words) <= 4
        assert set(words) <= {"load_all", "readHeader", "rare_one", "HTTP2"}
        assert words == sorted(words, key=CODE.index)
    assert {len(words) for words in drawn} == {2, 3, 4}
    assert {"load_all" in words for words in drawn} == {True, False}
    for nothing in ("the value of it", f"x_{'y' * 99} z_{'y' * 99}"):
        assert bag(nothing, "", (), 1) == []


def test_names_of_siblings_join_a_bag() -> None:
    siblings = ("Loader", "Loader.save", "Loader.value", "(module)#2", "Loader.load_all")
    drawn = [bag(CODE, "Loader.load_all", siblings, seed) for seed in range(60)]
    with_siblings = [words for words in drawn if {"Loader", "save"} & set(words)]
    assert 10 < len(with_siblings) < 50
    assert not any("value" in words or "module" in words for words in drawn)
    assert {"load_all"} < set(bag("def load_all(): ...", "load_all", siblings, 3))


@pytest.fixture
def store(store: Store) -> Store:
    fill(store, 40)
    return store


def add_corpus(store: Store, count: int, *, in_corpus: bool = True) -> None:
    documents = []
    for number in range(count):
        path, symbol = f"lib/part_{number // 4}.py", f"Store{number}.fetch_{number}"
        text = (
            f"def fetch_{number}(self, key):\n"
            f'    """Look up entry kind{number} of tree{number}.\n\n    More.\n    """\n'
            f"    return self.lookup_{number}(key, deep_{number}, same_name)\n"
        )
        kind = DocumentKind.METHOD
        identifier = document_id(path, symbol, text)
        documents.append(Document(identifier, path, symbol, kind, "python", 1, 6, text))
    with store.transaction() as cursor:
        add_documents(cursor, documents, in_corpus=in_corpus)


def made(found: TrainingSet) -> list[tuple[str, QueryKind | None, str, str]]:
    return [
        (
            found.queries[pair.query].text,
            found.queries[pair.query].kind,
            found.documents[pair.document].symbol,
            found.documents[pair.document].text,
        )
        for pair in found.pairs
        if pair.source is GradeSource.KEYWORD
    ]


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_they_are_the_planned_share_of_the_training_pairs(store: Store, share: float) -> None:
    add_corpus(store, 200)
    found, summary = build_training_set(
        store, TrainingSetPlan(judge_scores=True, keyword_share=share, keyword_weight=0.7)
    )
    trained = [pair for pair in found.pairs if found.queries[pair.query].split is Split.TRAIN]
    keyword = [pair for pair in found.pairs if pair.source is GradeSource.KEYWORD]
    assert len(keyword) == pytest.approx(share * len(trained), abs=1)
    assert {(pair.grade, pair.weight) for pair in keyword} == {(5.0, 0.7)}
    assert {found.queries[pair.query].split for pair in keyword} == {Split.TRAIN}
    assert summary.keyword_share == pytest.approx(share, abs=0.01)


def test_names_bags_and_docstrings_come_with_their_own_code(store: Store) -> None:
    add_corpus(store, 300)
    plan = TrainingSetPlan(judge_scores=True, keyword_share=0.6, docstring_share=0.5)
    pairs = made(build_training_set(store, plan)[0])
    assert len({query for query, *_ in pairs}) == len(pairs)
    from_docstrings = [pair for pair in pairs if pair[1] is None]
    assert 0.3 < len(from_docstrings) / len(pairs) < 0.7
    for query, _, symbol, text in from_docstrings:
        number = symbol.partition("fetch_")[2]
        assert query == f"Look up entry kind{number} of tree{number}"
        assert '"""' not in text
        assert f"lookup_{number}" in text
    names_and_bags = [pair for pair in pairs if pair[1] is QueryKind.KEYWORD]
    assert {len(query.split()) for query, *_ in names_and_bags} >= {1, 2, 3}
    for query, _, symbol, text in names_and_bags:
        words = query.split()
        assert any(
            word in text or word in symbol or word.startswith(("part_", "m")) for word in words
        )
        assert "same_name" not in words


def test_without_docstrings_the_code_is_as_it_is(store: Store) -> None:
    add_corpus(store, 100)
    plan = TrainingSetPlan(judge_scores=True, docstring_share=0)
    found, _ = build_training_set(store, plan)
    texts = {row[0] for row in store.read("SELECT text FROM db.documents")}
    assert {document.text for document in found.documents} <= texts


def test_no_made_query_is_like_a_spec_s_or_another_query(store: Store) -> None:
    add_corpus(store, 60)
    plan = TrainingSetPlan(judge_scores=True, keyword_share=0.5)
    before = [query for query, *_ in made(build_training_set(store, plan)[0])]
    asked = before[:20]
    add_spec(store, *(query.upper() if " " in query else query for query in asked))
    found, summary = build_training_set(store, plan)
    after = [query for query, *_ in made(found)]
    assert not set(asked) & set(after)
    assert summary.made_like_spec >= 20


def test_a_name_that_several_files_have_is_qualified_or_not_asked(store: Store) -> None:
    documents = [
        Document(
            document_id(path, "Reader.read", text),
            path,
            "Reader.read",
            DocumentKind.METHOD,
            "python",
            1,
            2,
            text,
        )
        for path in ("one.py", "two.py")
        for text in [f"def read(self):\n    return compute(self.{path[:3]}, 1, 2, 3)\n"]
    ]
    with store.transaction() as cursor:
        add_documents(cursor, documents, in_corpus=True)
    plan = TrainingSetPlan(judge_scores=True, keyword_share=0.9)
    asked = {
        query
        for query, _, symbol, _ in made(build_training_set(store, plan)[0])
        if symbol == "Reader.read"
    }
    assert {"one read", "two read"} <= asked
    assert not asked & {"read", "Reader read"}


def test_documents_that_left_the_corpus_give_none(store: Store) -> None:
    add_corpus(store, 50, in_corpus=False)
    found, _ = build_training_set(store, TrainingSetPlan(judge_scores=True, keyword_share=0.9))
    assert not any("fetch_" in symbol for _, _, symbol, _ in made(found))


def test_without_a_corpus_the_documents_of_pairs_do(store: Store) -> None:
    with store.transaction() as cursor:
        cursor.execute("UPDATE db.documents SET in_corpus = FALSE, path = ''")
        cursor.execute("UPDATE db.documents SET symbol = 'twice' WHERE symbol LIKE '%_2'")
    found, summary = build_training_set(store, TrainingSetPlan(judge_scores=True))
    assert summary.keyword_share == pytest.approx(0.25, abs=0.01)
    assert "twice" not in {query for query, *_ in made(found)}


def test_a_small_corpus_gives_several_to_a_document_and_then_fewer(store: Store) -> None:
    add_corpus(store, 8)
    plan = TrainingSetPlan(judge_scores=True, keyword_share=0.9)
    found, summary = build_training_set(store, plan)
    here = [pair for pair in made(found) if "fetch_" in pair[2]]
    assert 8 < len(here) <= 24
    assert summary.keyword_share < 0.9


def test_no_made_query_is_like_a_held_out_one(store: Store) -> None:
    add_corpus(store, 60)
    plan = TrainingSetPlan(judge_scores=True, keyword_share=0.7)
    before = [query for query, *_ in made(build_training_set(store, plan)[0])]
    likes = [f"{query} of the" for query in before]
    add_scored(
        store,
        [
            Scored(query, f"def like_{grade}(): ...", grade, symbol=f"like_{grade}")
            for place, query in enumerate(likes)
            for grade in ((1, 5) if place % 2 else (5, 5))
        ],
    )
    after = {query for query, *_ in made(build_training_set(store, plan)[0])}
    assert not set(before) & after
