"""Several streams come to the gradients and weights of one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.core.encoder.fixture_encoders import skip_without_mlx
from tests.train.training_examples import LORA, example_config, example_set

skip_without_mlx()

import mlx.core as mx  # noqa: E402

from train.base import load_base  # noqa: E402
from train.step.batches import BatchBuilder  # noqa: E402
from train.step.trainee import Trainee  # noqa: E402

NO_DROPOUT = {**LORA, "lora": replace(LORA["lora"], dropout=0.0)}


@pytest.mark.parametrize("tuning", [{}, NO_DROPOUT])
def test_streams_come_to_the_same_gradients_and_weights(
    monkeypatch: pytest.MonkeyPatch, tuning: dict[str, Any]
) -> None:
    alone, side_by_side = (stepped(monkeypatch, streams, tuning) for streams in (1, 3))
    assert alone.keys() == side_by_side.keys()
    for name, values in alone.items():
        if name.endswith("key.bias"):
            # The softmax takes no notice of it: its gradient is rounding, which AdamW makes a step.
            continue
        np.testing.assert_allclose(side_by_side[name], values, rtol=1e-5, atol=2e-6, err_msg=name)


def stepped(
    monkeypatch: pytest.MonkeyPatch, streams: int, tuning: dict[str, Any]
) -> dict[str, np.ndarray[Any, Any]]:
    """Return loss, gradients and new weights of a step; ordinal has weights of its own."""
    monkeypatch.setattr("train.step.trainee.lane_count", lambda: streams)
    losses = (("contrastive", 1.0), ("ordinal", 1.0))
    config = example_config(losses=losses, learning_rate=1e-3, **tuning)
    encoder = load_base(config)
    builder = BatchBuilder(example_set(), encoder.tokenizer, config, streams)
    trainee = Trainee(encoder, config, builder.token_ids)
    batch = builder.build(range(12), (0, 0))
    loss, _, gradients = trainee.gradients(batch, mx.random.key(1))
    found = {f"gradient of {name}": np.array(value) for name, value in gradients.items()}
    length = trainee.update(gradients, 1, 1.0)
    trainee.put_into_encoder()
    found |= {name: np.array(value) for name, value in trainee.weights.items()}
    if trainee.rows is not None:
        found["rows"] = trainee.rows.values
    return found | {"loss": np.array(loss), "length": np.array(length)}
