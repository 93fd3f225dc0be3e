"""LoRA changes nothing at first, is merged into what it computed, and is written as PEFT does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.numpy import load_file

from core.encoder import load_encoder
from core.errors import InputError
from tests.core.encoder.fixture_encoders import DOCUMENTS, FIXTURES, skip_without_mlx
from tests.train.training_examples import LORA, example_config, example_set, run_folder
from train.config import LoraConfig

skip_without_mlx()

import mlx.core as mx  # noqa: E402

from core.encoder.models.module import named_parameters  # noqa: E402
from core.encoder.weights import checkpoint_name  # noqa: E402
from train.step.lora import add_lora, lora_modules, lora_parameters, merged  # noqa: E402
from train.training import train  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

    from core.encoder.spec import Family

CONFIG = LoraConfig(rank=2, alpha=4.0)


@pytest.mark.parametrize("name", ["colbert", "pylate", "t5_merged"])
def test_it_changes_nothing_at_first_and_merges_into_what_it_computed(name: str) -> None:
    plain, adapted = load_encoder(FIXTURES / name), load_encoder(FIXTURES / name)
    before = plain.encode_documents(DOCUMENTS)
    add_lora(adapted.module, adapted.spec.family, CONFIG, 0)
    for one, other in zip(before, adapted.encode_documents(DOCUMENTS), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    additions = {
        key: mx.random.normal(value.shape, key=mx.random.key(place)) * 0.3
        for place, (key, value) in enumerate(lora_parameters(adapted.module).items())
    }
    adapted.module.load_weights(list(additions.items()), strict=False)
    weights = named_parameters(plain.module)
    plain.module.load_weights(list((weights | merged(weights, additions, CONFIG)).items()))
    after = adapted.encode_documents(DOCUMENTS)
    assert np.abs(after[0] - before[0]).max() > 1e-2
    for one, other in zip(after, plain.encode_documents(DOCUMENTS), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize(
    ("family", "modules", "found"),
    [
        ("bert", ("auto",), ("query", "value")),
        ("t5", ("auto", "o", "q"), ("q", "v", "o")),
        ("modernbert", ("auto",), ("Wqkv",)),
        ("bert", ("dense",), ("dense",)),
    ],
)
def test_auto_is_query_and_value(
    family: Family, modules: tuple[str, ...], found: tuple[str, ...]
) -> None:
    assert lora_modules(LoraConfig(modules=modules), family) == found


def test_a_name_that_no_layer_has_is_told_with_those_there_are() -> None:
    adapted = load_encoder(FIXTURES / "colbert")
    with pytest.raises(InputError, match="no layer q_proj") as caught:
        add_lora(adapted.module, "bert", LoraConfig(modules=("q_proj",)), 0)
    assert "query" in caught.value.todo


def test_dropout_drops_while_training_only() -> None:
    adapted = load_encoder(FIXTURES / "colbert")
    keys = add_lora(adapted.module, "bert", LoraConfig(rank=2, dropout=0.5), 0)
    additions = {k: mx.ones_like(v) for k, v in lora_parameters(adapted.module).items()}
    adapted.module.load_weights(list(additions.items()), strict=False)

    def answer(key: int | None) -> list[float]:
        keys.begin(None if key is None else mx.random.key(key))
        tokens = mx.array([[1, 2, 3, 4]])
        return list(np.array(adapted.module(tokens)).reshape(-1).tolist())

    assert answer(1) == answer(1)
    assert answer(1) != answer(2)
    assert answer(None) == answer(None)
    assert answer(None) != answer(1)


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("colbert", "encoder.layer.0.attention.self.query"),
        ("t5_merged", "encoder.block.1.layer.0.SelfAttention.v"),
        ("pylate", "layers.0.attn.Wqkv"),
        ("distilbert", "encoder.layer.0.attention.self.query"),
    ],
)
def test_the_adapter_is_in_the_layout_of_peft(tmp_path: Path, name: str, layer: str) -> None:
    folder = run_folder(tmp_path)
    config = example_config(name, epochs=0.1, **LORA)
    train(config, example_set(held_out=0), folder, lambda _: None)
    settings = json.loads((folder.adapter / "adapter_config.json").read_text())
    assert (settings["peft_type"], settings["r"], settings["lora_alpha"]) == ("LORA", 2, 4)
    base, model = load_encoder(config.base), load_encoder(folder.model)
    theirs = checkpoint_name(layer, base.spec.family)
    assert theirs in settings["target_modules"]
    tensors = load_file(folder.adapter / "adapter_model.safetensors")
    a = tensors[f"base_model.model.{theirs}.lora_A.weight"]
    b = tensors[f"base_model.model.{theirs}.lora_B.weight"]
    moved = named_parameters(model.module)[f"base.{layer}.weight"]
    moved = moved - named_parameters(base.module)[f"base.{layer}.weight"]
    np.testing.assert_allclose(np.array(moved), 2 * b @ a, atol=1e-6)
    assert np.abs(b).max() > 0
