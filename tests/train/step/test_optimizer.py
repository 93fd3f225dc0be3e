"""AdamW against MLX's own; the schedule of the rate; rows without gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.core.encoder.fixture_encoders import skip_without_mlx
from train.config import RunConfig

skip_without_mlx()

import mlx.core as mx  # noqa: E402
from mlx.optimizers import AdamW  # noqa: E402

from train.step.optimizer import (  # noqa: E402
    BETAS,
    EPSILON,
    HEAD_RATE,
    adamw,
    clipping,
    no_moments,
    share_of_rate,
    squared_norm,
    warmup_steps,
)
from train.step.rows import EmbeddingRows  # noqa: E402

CONFIG = RunConfig("base", learning_rate=1e-2, weight_decay=0.1)


@pytest.mark.parametrize(
    ("name", "shape", "rate", "decay"),
    [
        ("matrix", (3, 4), CONFIG.learning_rate, CONFIG.weight_decay),
        ("bias", (4,), CONFIG.learning_rate, 0.0),
        ("heads.mse.slope", (), HEAD_RATE, 0.0),
    ],
)
def test_a_step_is_that_of_mlx(
    name: str, shape: tuple[int, ...], rate: float, decay: float
) -> None:
    random = np.random.default_rng(0)
    value = mx.array(random.normal(size=shape)).astype(mx.float32)
    ours, moments = {name: value}, no_moments({name: value})
    theirs = {name: value}
    reference = AdamW(rate, list(BETAS), EPSILON, decay, bias_correction=True)
    for count in range(1, 6):
        gradient = mx.array(random.normal(size=shape)).astype(mx.float32)
        share, factor = 1 / count, 0.5
        reference.learning_rate = mx.array(rate * share)
        theirs = reference.apply_gradients({name: gradient * factor}, theirs)
        ours, moments = adamw(
            ours,
            {name: gradient},
            moments,
            share=mx.array(share),
            factor=mx.array(factor),
            count=mx.array(float(count)),
            config=CONFIG,
        )
    np.testing.assert_allclose(np.array(ours[name]), np.array(theirs[name]), atol=2e-6)


def test_the_rate_rises_and_falls_as_a_cosine() -> None:
    shares = [share_of_rate(step, 100, 10) for step in range(100)]
    assert shares[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert shares[10] == 1
    assert shares[55] == pytest.approx(0.5)
    assert shares[99] == pytest.approx(0.5 * (1 + math.cos(math.pi * 89 / 90)))
    assert share_of_rate(0, 1, 0) == 1
    assert share_of_rate(0, 1, 1) == 1
    assert warmup_steps(RunConfig("b", warmup=0.25), 10) == 3


def test_clipping_shortens_and_never_lengthens() -> None:
    gradients = {"a": mx.array([3.0]), "b": mx.array([[4.0]])}
    norm = mx.sqrt(squared_norm(gradients.values()))
    assert float(np.array(norm)) == pytest.approx(5)
    assert [float(np.array(clipping(norm, longest))) for longest in (1.0, 9.0, 0.0)] == [
        pytest.approx(0.2),
        1.0,
        1.0,
    ]


def test_rows_that_a_step_lacks_stand_still() -> None:
    table = np.arange(40, dtype=np.float32).reshape(10, 4)
    rows = EmbeddingRows(mx.array(table), np.array([1, 3, 5, 9], np.int32))
    np.testing.assert_array_equal(
        np.array(rows.values_of(np.array([9, 1, 1], np.int32))), table[[9, 1, 1]]
    )
    ones = np.ones((2, 4), np.float32)
    rows.add_gradients(np.array([1, 5], np.int32), ones)
    rows.add_gradients(np.array([5, 9], np.int32), ones)
    touched = rows.take_touched()
    assert np.array(touched.gradients)[:4].tolist() == [[1] * 4, [2] * 4, [1] * 4, [0] * 4]
    touched.put_back(touched.values + 1, touched.first + 2, touched.second + 3)
    np.testing.assert_array_equal(rows.values[[0, 2, 3]], table[[1, 5, 9]] + 1)
    np.testing.assert_array_equal(rows.values[1], table[3])
    assert rows.first[:, 0].tolist() == [2, 0, 2, 2]
    assert np.array(rows.take_touched().gradients).size == 0
    other = EmbeddingRows(mx.array(table), rows.ids)
    other.restore(rows.tensors())
    np.testing.assert_array_equal(other.values, rows.values)
    np.testing.assert_array_equal(other.second, rows.second)
