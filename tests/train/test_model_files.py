"""The files of ``model/`` are those of its base: same names, tensors and precision."""

from __future__ import annotations

import json
import shutil
import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from core.encoder import load_encoder
from tests.core.encoder.fixture_encoders import FIXTURES, QUERIES, skip_without_mlx
from tests.train.training_examples import LORA, example_config, example_set, run_folder
from train.config import LoraConfig, Tuning

skip_without_mlx()

import mlx.core as mx  # noqa: E402

from train.training import train  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("uncompiled")
TABLE = "shared.weight"
#: What is no file of an encoder, but of the tests.
EXPECTED = "expected.npz"


def header(path: Path) -> dict[str, Any]:
    """Return what a safetensors file says of its tensors, read as its format is published."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    told: dict[str, Any] = json.loads(content[8 : 8 + length])
    return {
        name: (each["dtype"], each["shape"]) if name != "__metadata__" else each
        for name, each in told.items()
    }


def model_of(base: Path, path: Path, tuning: dict[str, Any]) -> Path:
    """Train an encoder for a few steps and return the folder that comes of it."""
    config = replace(example_config("t5_merged", base=str(base), epochs=1), **tuning)
    folder = run_folder(path)
    train(config, example_set(held_out=0), folder, lambda _: None)
    return folder.model


def copied(path: Path) -> Path:
    base = path / "base"
    shutil.copytree(FIXTURES / "t5_merged", base)
    (base / EXPECTED).unlink()
    return base


@pytest.mark.parametrize("tuning", [{}, LORA], ids=["full", "lora"])
def test_a_merged_t5_has_the_files_and_tensors_of_its_base(
    tmp_path: Path, tuning: dict[str, Any]
) -> None:
    base = copied(tmp_path)
    model = model_of(base, tmp_path / "run", tuning)
    files = {path.name for path in base.iterdir()}
    assert files == {path.name for path in model.iterdir()}
    assert files == {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    for name in files - {"model.safetensors"}:
        assert (model / name).read_bytes() == (base / name).read_bytes()
    assert header(model / "model.safetensors") == header(base / "model.safetensors")
    before, after = (load_file(each / "model.safetensors") for each in (base, model))
    changed = {name for name, value in after.items() if (value != before[name]).any()}
    if tuning:
        assert {name.rpartition(".")[0][-1] for name in changed} == {"q", "v"}
    else:
        assert changed == set(after)


@pytest.mark.parametrize("kind", [mx.bfloat16, mx.float16], ids=str)
def test_half_precision_stays_what_it_was(tmp_path: Path, kind: mx.Dtype) -> None:
    base = copied(tmp_path)
    path = base / "model.safetensors"
    tensors = {name: mx.array(value).astype(kind) for name, value in load_file(path).items()}
    mx.save_safetensors(str(path), tensors, metadata={"format": "pt"})
    model = model_of(base, tmp_path / "run", {})
    assert header(model / "model.safetensors") == header(path)
    moved = load_encoder(model).encode_queries(QUERIES[:1])[0]
    assert np.abs(moved - load_encoder(base).encode_queries(QUERIES[:1])[0]).max() > 1e-3


@pytest.mark.parametrize("tuning", [{}, LORA], ids=["full", "lora"])
def test_a_decoder_stays_and_other_names_of_the_embeddings_follow(
    tmp_path: Path, tuning: dict[str, Any]
) -> None:
    base = copied(tmp_path)
    path = base / "model.safetensors"
    before = load_file(path)
    copies = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight")
    before |= {name: before[TABLE].copy() for name in copies}
    before |= {
        "decoder.final_layer_norm.weight": np.ones(32, np.float32),
        "decoder.steps": np.arange(4, dtype=np.int64),
    }
    save_file(before, path, metadata={"format": "pt"})
    after = load_file(model_of(base, tmp_path / "run", tuning) / "model.safetensors")
    assert header(path) == header(tmp_path / "run" / "model" / "model.safetensors")
    for name in copies:
        np.testing.assert_array_equal(after[name], after[TABLE])
    for name in ("decoder.final_layer_norm.weight", "decoder.steps"):
        np.testing.assert_array_equal(after[name], before[name])
    assert (after[TABLE] != before[TABLE]).any() == (tuning == {})


def test_shards_become_one_file(tmp_path: Path) -> None:
    base = copied(tmp_path)
    whole = load_file(base / "model.safetensors")
    names = sorted(whole)
    shards = {
        "model-00001-of-00002.safetensors": names[:9],
        "model-00002-of-00002.safetensors": names[9:],
    }
    for shard, own in shards.items():
        save_file({name: whole[name] for name in own}, base / shard, metadata={"format": "pt"})
    index = {name: shard for shard, own in shards.items() for name in own}
    (base / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    (base / "model.safetensors").unlink()
    model = model_of(base, tmp_path / "run", {})
    assert {path.name for path in model.iterdir()} == {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert load_file(model / "model.safetensors").keys() == whole.keys()


def test_the_adapter_names_its_layers_in_full(tmp_path: Path) -> None:
    lora = LoraConfig(rank=2, alpha=4.0, modules=("dense",))
    config = example_config("sentence", epochs=0.1, tuning=Tuning.LORA, lora=lora)
    folder = run_folder(tmp_path)
    train(config, example_set(held_out=0), folder, lambda _: None)
    settings = json.loads((folder.adapter / "adapter_config.json").read_text())
    layers = [
        f"encoder.layer.{number}.{part}.dense"
        for number in range(2)
        for part in ("attention.output", "intermediate", "output")
    ]
    assert sorted(settings["target_modules"]) == sorted(layers)
