from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eval.retrievers.token_index
from eval.retrievers.token_index import TokenRun, maxsim, maxsim_in_memory

if TYPE_CHECKING:
    from numpy.typing import NDArray

LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=6)


def vectors(chance: np.random.Generator, count: int) -> NDArray[np.float32]:
    made = chance.standard_normal((count, 8)).astype(np.float32)
    unit: NDArray[np.float32] = made / np.linalg.norm(made, axis=1, keepdims=True)
    return unit


def plainly(query: NDArray[np.float32], document: NDArray[np.float32]) -> float:
    similarities = np.einsum("id,jd->ij", query, document)
    return float(similarities.max(axis=1).sum())


@settings(max_examples=40, deadline=None)
@given(LENGTHS, LENGTHS, st.integers(1, 40), st.integers(0, 99))
def test_blocks_of_any_size_give_the_plain_scores(
    query_lengths: list[int], lengths: list[int], cells: int, seed: int
) -> None:
    chance = np.random.default_rng(seed)
    queries = [vectors(chance, length) for length in query_lengths]
    documents = [vectors(chance, length).astype(np.float16) for length in lengths]
    columns = chance.permutation(len(lengths))
    run = TokenRun(np.concatenate(documents), np.asarray(lengths), columns)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(eval.retrievers.token_index, "BLOCK_CELLS", cells)
        patch.setattr(eval.retrievers.token_index, "_MIN_BLOCK_TOKENS", 1)
        scores = maxsim(queries, [run], len(lengths))
    for row, query in enumerate(queries):
        for document, column in zip(documents, columns, strict=True):
            expected = plainly(query, document.astype(np.float32))
            assert scores[row, column] == pytest.approx(expected, abs=1e-5)


def test_a_document_in_no_run_has_no_score() -> None:
    scores = maxsim([np.ones((2, 4), np.float32)], [], 3)
    assert np.isneginf(scores).all()
    assert maxsim([], [], 3).shape == (0, 3)


def test_documents_in_memory_have_the_plain_scores() -> None:
    chance = np.random.default_rng(4)
    query, documents = vectors(chance, 3), [vectors(chance, length) for length in (2, 5)]
    found = maxsim_in_memory(query, [documents[0], np.zeros((0, 8), np.float32), documents[1]])
    assert np.isneginf(found[1])
    expected = [plainly(query, document) for document in documents]
    assert found[[0, 2]] == pytest.approx(expected, abs=1e-5)
    assert np.isneginf(maxsim_in_memory(query, [np.zeros((0, 8), np.float32)])).all()
