"""Every architecture gives PyTorch's results, with the fast forms and without them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.core.encoder.fixture_encoders import (
    ALL_NAMES,
    DOCUMENTS,
    FIXTURES,
    QUERIES,
    encoder,
    expected,
    skip_without_mlx,
)

skip_without_mlx()

import mlx.core as mx  # noqa: E402

from core.encoder import cpu as fast_cpu  # noqa: E402
from core.encoder.models.layers import position_buckets  # noqa: E402

CLOSE = 1e-4


@pytest.fixture(params=["fast", "plain"])
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "plain":
        monkeypatch.setattr(fast_cpu, "usable", lambda: False)
    elif not fast_cpu.usable():
        pytest.skip("the fast forms need MLX's CPU device on Linux and g++")
    return str(request.param)


@pytest.mark.parametrize("name", ALL_NAMES)
def test_hidden_states_of_a_padded_batch(name: str, form: str) -> None:
    wanted = expected(name)
    seen = mx.array(wanted["seen"])
    hidden = np.array(encoder(name).module.base(mx.array(wanted["ids"]), seen))
    assert np.abs(wanted["hidden"]).max() > 1
    np.testing.assert_allclose(
        hidden[wanted["seen"].astype(bool)],
        wanted["hidden"][wanted["seen"].astype(bool)],
        atol=CLOSE,
    )


@pytest.mark.parametrize("name", ALL_NAMES)
def test_vectors_and_scores(name: str, form: str) -> None:
    wanted = expected(name)
    queries = encoder(name).encode_queries(QUERIES)
    documents = encoder(name).encode_documents(DOCUMENTS)
    for kind, found in (("query", queries), ("document", documents)):
        for place, matrix in enumerate(found):
            assert matrix.dtype == np.float32
            np.testing.assert_allclose(matrix, wanted[f"{kind}_{place}"], atol=CLOSE)
            np.testing.assert_allclose(np.linalg.norm(matrix, axis=1), 1, atol=1e-5)
    scores = [[(q @ d.T).max(axis=1).sum() for d in documents] for q in queries]
    np.testing.assert_allclose(scores, wanted["scores"], atol=CLOSE)


def test_position_buckets_of_t5_for_far_distances() -> None:
    with np.load(FIXTURES / "t5_buckets.npz") as arrays:
        wanted = arrays["buckets"]
    table = position_buckets(601, 32, 128)
    assert table.dtype == np.int32
    np.testing.assert_array_equal(table[600], wanted[:601])
    np.testing.assert_array_equal(table[0], wanted[600:])
