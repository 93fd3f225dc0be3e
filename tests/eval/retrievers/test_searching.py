"""The lexical and the encoder retriever over a corpus in a store."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from core.jobs import Job
from core.store.opening import open_store
from eval.corpus import load_corpus
from eval.retrievers.encoder import EncoderModel, build_encoder_retriever
from eval.retrievers.hybrid import HybridRetriever
from eval.retrievers.lexical import build_lexical
from tests.building import new_workspace
from tests.eval.eval_building import FILES, add_corpus, asked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from core.store.database import Store
    from eval.retrievers.base import Ranking, Retriever


class WordEncoder:
    """Each word is a token with a vector of its own; remembers what it encoded."""

    def __init__(self) -> None:
        self.encoded: list[str] = []

    @staticmethod
    def vectors(text: str) -> NDArray[np.float32]:
        words = [
            np.random.default_rng(zlib.crc32(word.encode())).standard_normal(16)
            for word in text.split()
        ]
        made = np.asarray(words, dtype=np.float32).reshape(-1, 16)
        unit: NDArray[np.float32] = made / np.linalg.norm(made, axis=1, keepdims=True)
        return unit

    def encode_queries(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        return [self.vectors(text) for text in texts]

    def encode_documents(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        self.encoded += texts
        return self.encode_queries(texts)


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[Store]:
    with open_store(new_workspace(tmp_path).folder) as store:
        add_corpus(store, FILES)
        yield store


def encoder_retriever(store: Store, encoder: WordEncoder, checkpoint: str = "1") -> Retriever:
    model = EncoderModel(encoder, "words", checkpoint)
    return build_encoder_retriever(store, load_corpus(store), model, Job())


def ranked(retriever: Retriever, *texts: str) -> list[Ranking]:
    return list(retriever.rank([asked(text, "x") for text in texts], 100))


def test_words_in_common_are_found(store: Store) -> None:
    retriever = build_lexical(store, load_corpus(store), Job())
    disk, nothing = ranked(retriever, "changes on disk", "zebra")
    assert disk[0].path == "src/watcher.rs"
    assert nothing == ()


def test_every_path_is_scored_by_maxsim(store: Store) -> None:
    encoder = WordEncoder()
    (found,) = ranked(encoder_retriever(store, encoder), "changes on disk")
    assert found[0].path == "src/watcher.rs"
    assert found[0].score == pytest.approx(3.0, abs=1e-2)
    query = encoder.vectors("changes on disk")
    expected = {
        path: float((query @ encoder.vectors(text).T).max(axis=1).sum())
        for path, text in FILES.items()
    }
    assert {each.path: each.score for each in found} == pytest.approx(expected, abs=1e-2)


def test_a_query_without_tokens_finds_nothing(store: Store) -> None:
    found = ranked(encoder_retriever(store, WordEncoder()), "", "changes", "")
    assert [len(each) for each in found] == [0, len(FILES), 0]


def test_a_changed_file_is_the_only_one_encoded_again(store: Store) -> None:
    encoder = WordEncoder()
    encoder_retriever(store, encoder)
    add_corpus(store, {"src/new.rs": "fn fresh() {}"})
    retriever = encoder_retriever(store, encoder)
    assert sorted(encoder.encoded) == sorted([*FILES.values(), "fn fresh() {}"])
    assert ranked(retriever, "fn fresh() {}")[0][0].path == "src/new.rs"
    encoder_retriever(store, encoder, "another checkpoint")
    assert len(encoder.encoded) == 2 * len(FILES) + 2


def test_files_with_the_same_text_tie_as_in_trec_eval(store: Store) -> None:
    text = "exactly the same words"
    add_corpus(store, dict.fromkeys(("z.rs", "b/z.rs", "a.rs"), text))
    encoder = WordEncoder()
    (found,) = ranked(encoder_retriever(store, encoder), text)
    assert [each.path for each in found[:3]] == ["z.rs", "b/z.rs", "a.rs"]
    assert encoder.encoded.count(text) == 1


def test_the_hybrid_tells_its_parts(store: Store) -> None:
    parts = [build_lexical(store, load_corpus(store), Job())]
    hybrid = HybridRetriever([*parts, encoder_retriever(store, WordEncoder(), "abc")])
    (found,) = ranked(hybrid, "changes on disk")
    assert found[0].path == "src/watcher.rs"
    assert found[0].score == pytest.approx(2 / 61)
    assert hybrid.checkpoint == "abc"
    assert hybrid.parameters["parts"] == "lexical+encoder"
    assert hybrid.parameters["encoder.model"] == "words"
