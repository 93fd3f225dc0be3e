"""The encoder: order, batches, cancelling, tokens, saving."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.encoder import load_encoder
from core.encoder.encoder import batches
from core.encoder.tokenizing import TokenizedText
from core.errors import CancelledError, InputError
from tests.core.encoder.fixture_encoders import (
    ALL_NAMES,
    DOCUMENTS,
    QUERIES,
    encoder,
    skip_without_mlx,
)

if TYPE_CHECKING:
    from pathlib import Path

skip_without_mlx()

from core.encoder import cpu as lanes  # noqa: E402

MANY = [f"{text} {number}" for number in range(9) for text in DOCUMENTS]


@pytest.mark.parametrize("lane_count", [1, 3])
def test_a_text_has_the_same_vectors_alone_and_among_others(
    lane_count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.encoder.encoder.lane_count", lambda: lane_count)
    together = encoder("pylate").encode_documents(MANY, batch_size=4)
    assert len(together) == len(MANY)
    for place in (0, 3, 17, len(MANY) - 1):
        alone = encoder("pylate").encode_documents([MANY[place]])[0]
        np.testing.assert_allclose(together[place], alone, atol=1e-5)


def test_there_is_a_lane_for_each_usable_core() -> None:
    assert 1 <= lanes.lane_count() <= 8


@given(
    lengths=st.lists(st.integers(1, 40), max_size=30),
    batch_size=st.integers(1, 8),
    most=st.integers(1, 100),
)
def test_batches_hold_each_text_once_within_their_bounds(
    lengths: list[int], batch_size: int, most: int
) -> None:
    texts = [TokenizedText(tuple(range(1, n + 1)), n, tuple(range(n))) for n in lengths]
    places: list[int] = []
    for batch in batches(texts, batch_size=batch_size, most_tokens=most, pad=0):
        rows, width = batch.tokens.shape
        assert rows <= batch_size
        assert rows * width <= most or rows == 1
        for row, place in enumerate(batch.places):
            assert batch.kept[row].sum() == lengths[place]
            assert batch.tokens[row, : lengths[place]].tolist() == list(texts[place].ids)
            assert batch.seen is None or batch.seen[row].sum() == lengths[place]
        places.extend(batch.places)
    assert sorted(places) == list(range(len(lengths)))


def test_progress_is_reported_and_cancelling_stops() -> None:
    reported: list[tuple[int, int]] = []
    encoder("colbert").encode_documents(
        MANY, batch_size=5, progress=lambda done, everything: reported.append((done, everything))
    )
    assert reported == sorted(reported)
    assert reported[-1] == (len(MANY), len(MANY))
    answers = iter([False, True])
    with pytest.raises(CancelledError):
        encoder("colbert").encode_documents(MANY, batch_size=2, cancelled=lambda: next(answers))


def test_documents_are_yielded_as_they_are_done() -> None:
    documents = encoder("colbert").iterate_documents(MANY, batch_size=2)
    place, matrix = next(documents)
    np.testing.assert_allclose(
        matrix, encoder("colbert").encode_documents([MANY[place]])[0], atol=1e-5
    )


@pytest.mark.parametrize("name", ALL_NAMES)
def test_each_row_has_its_token(name: str) -> None:
    loaded = encoder(name)
    for query, texts in ((True, QUERIES), (False, DOCUMENTS)):
        encode = loaded.encode_queries if query else loaded.encode_documents
        for text, matrix in zip(texts, encode(texts), strict=True):
            assert len(loaded.tokens(text, query=query)) == len(matrix)


def test_tokens_show_prefix_and_expansion_and_leave_out_the_skiplist() -> None:
    query = encoder("colbert").tokens("parse json", query=True)
    assert query[:4] == ("[CLS]", "[unused0]", "parse", "json")
    assert query[-1] == "[MASK]"
    assert encoder("colbert").tokens("!!! ??? ...", query=False) == (
        "[CLS]",
        "[unused1]",
        "[SEP]",
    )


def test_one_vector_for_a_text() -> None:
    loaded = encoder("sentence")
    assert loaded.spec.one_vector
    assert [m.shape for m in loaded.encode_documents(DOCUMENTS)] == [(1, 32)] * len(DOCUMENTS)


@pytest.mark.parametrize("query", [True, False])
def test_the_parts_of_the_tokens_sum_to_the_one_vector(query: bool) -> None:
    loaded = encoder("sentence")
    assert loaded.spec.summed
    assert not encoder("colbert").spec.summed
    encode = loaded.encode_queries if query else loaded.encode_documents
    for text in QUERIES:
        tokens, parts = loaded.token_parts(text, query=query)
        assert len(tokens) == len(parts)
        np.testing.assert_allclose(parts.sum(axis=0), encode([text])[0][0], atol=1e-5)


def test_no_texts_give_no_vectors() -> None:
    assert encoder("colbert").encode_documents([]) == []
    assert encoder("colbert").encode_queries([]) == []


@settings(max_examples=25, deadline=None)
@given(st.text())
def test_any_text_is_encoded(text: str) -> None:
    (matrix,) = encoder("t5_projected").encode_documents([text + "\ud800"])
    assert np.isfinite(matrix).all()


def test_other_threads_can_encode_at_the_same_time() -> None:
    wanted = encoder("colbert").encode_documents(MANY)
    with ThreadPoolExecutor(3) as pool:
        for found in pool.map(encoder("colbert").encode_documents, [MANY] * 6):
            for mine, theirs in zip(found, wanted, strict=True):
                np.testing.assert_allclose(mine, theirs, atol=1e-5)


@pytest.mark.parametrize("name", ALL_NAMES)
def test_a_saved_encoder_is_the_same_encoder(name: str, tmp_path: Path) -> None:
    loaded = encoder(name)
    loaded.save(tmp_path / "copy")
    again = load_encoder(tmp_path / "copy")
    for mine, theirs in zip(
        loaded.encode_documents(DOCUMENTS), again.encode_documents(DOCUMENTS), strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)
    assert [p.name for p in tmp_path.iterdir()] == ["copy"]
    with pytest.raises(InputError, match="exists"):
        loaded.save(tmp_path / "copy")
