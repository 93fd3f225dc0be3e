"""Folders that cannot be loaded: the error names the file, the tensor or the setting."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from core.encoder import load_encoder
from core.encoder.folder import read_spec
from core.errors import InputError
from tests.core.encoder.fixture_encoders import FIXTURES, skip_without_mlx

if TYPE_CHECKING:
    from collections.abc import Callable

skip_without_mlx()

QUERY_WEIGHT = "bert.encoder.layer.1.attention.self.query.weight"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FIXTURES / "colbert", tmp_path / "encoder"))


def change_weights(folder: Path, change: Callable[[dict[str, np.ndarray]], object]) -> None:
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")


def change_json(path: Path, **values: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def error_of(folder: Path | str) -> InputError:
    with pytest.raises(InputError) as caught:
        load_encoder(folder)
    return caught.value


def test_a_missing_tensor(folder: Path) -> None:
    change_weights(folder, lambda tensors: tensors.pop(QUERY_WEIGHT))
    error = error_of(folder)
    assert QUERY_WEIGHT in error.what
    assert "model.safetensors" in error.where


def test_a_misshapen_tensor(folder: Path) -> None:
    change_weights(folder, lambda t: t.update({QUERY_WEIGHT: np.ones((3, 4), np.float32)}))
    assert "(3, 4), not (32, 32)" in error_of(folder).what


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_infinity_in_weights(folder: Path, value: float) -> None:
    change_weights(folder, lambda t: t[QUERY_WEIGHT].__setitem__((0, 0), value))
    assert QUERY_WEIGHT in error_of(folder).what


def test_integers_instead_of_weights(folder: Path) -> None:
    change_weights(folder, lambda t: t.update({QUERY_WEIGHT: np.ones((32, 32), np.int32)}))
    assert "int32" in error_of(folder).what


def test_a_precision_that_mlx_lacks(folder: Path) -> None:
    change_weights(folder, lambda t: t.update({QUERY_WEIGHT: np.ones((32, 32))}))
    assert "F64" in error_of(folder).what


def test_truncated_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    assert "cannot read these weights" in error_of(folder).what


def test_an_unknown_architecture(folder: Path) -> None:
    change_json(folder / "config.json", model_type="mamba")
    error = error_of(folder)
    assert "'mamba'" in error.what
    assert "modernbert" in error.todo


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("hidden_act", "swishiest"),
        ("num_hidden_layers", "two"),
        ("position_embedding_type", "relative_key"),
    ],
)
def test_configuration_values_that_are_not_supported(folder: Path, key: str, value: object) -> None:
    change_json(folder / "config.json", **{key: value})
    error = error_of(folder)
    assert str(value) in error.what
    assert error.where.endswith("config.json")


def test_a_missing_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    assert "no tokenizer" in error_of(folder).what


def test_a_broken_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text('{"model": 3}')
    assert "tokenizer" in error_of(folder).what


def test_a_prefix_outside_the_vocabulary(folder: Path) -> None:
    change_json(folder / "artifact.metadata", query_token_id="[Quux]")  # noqa: S106
    assert "'[Quux]'" in error_of(folder).what


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt"])
def test_pickled_weights_are_refused(folder: Path, name: str) -> None:
    (folder / "model.safetensors").rename(folder / name)
    error = error_of(folder)
    assert name in error.what
    assert "safetensors" in error.todo


def test_a_pickled_projection_is_refused(tmp_path: Path) -> None:
    copied = Path(shutil.copytree(FIXTURES / "t5_projected", tmp_path / "encoder"))
    (copied / "2_Dense" / "model.safetensors").rename(copied / "2_Dense" / "pytorch_model.bin")
    error = error_of(copied)
    assert "pickled" in error.what
    assert error.where.endswith("2_Dense")


def test_a_module_outside_its_folder(tmp_path: Path) -> None:
    copied = Path(shutil.copytree(FIXTURES / "pylate", tmp_path / "encoder"))
    path = copied / "modules.json"
    path.write_text(path.read_text().replace("1_Dense", "../1_Dense"))
    assert "outside" in error_of(copied).what


def test_a_pooling_that_is_not_supported(tmp_path: Path) -> None:
    copied = Path(shutil.copytree(FIXTURES / "sentence", tmp_path / "encoder"))
    change_json(copied / "1_Pooling" / "config.json", pooling_mode_max_tokens=True)
    assert "max_tokens" in error_of(copied).what


def test_paths_without_an_encoder(tmp_path: Path) -> None:
    assert "config.json" in error_of(tmp_path).what
    assert "no such encoder folder" in error_of(str(tmp_path / "absent")).what
    file = tmp_path / "model.safetensors"
    file.touch()
    assert "this is a file" in error_of(file).what
    (tmp_path / "config.json").write_text("{")
    assert "not JSON" in error_of(tmp_path).what


def test_a_hub_id_while_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    error = error_of("somebody/some-encoder")
    assert "not on this machine" in error.what
    assert error.where == "somebody/some-encoder"


def test_a_hub_id_in_the_cache_while_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    repository = tmp_path / "models--somebody--some-encoder"
    shutil.copytree(FIXTURES / "colbert", repository / "snapshots" / "abc")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    assert load_encoder("somebody/some-encoder").spec.layout == "colbert"


def test_lengths_are_at_least_four_and_at_most_the_positions() -> None:
    with pytest.raises(InputError, match="3 tokens"):
        read_spec(FIXTURES / "colbert", query_length=3)
    for name in ("colbert", "distilbert", "mpnet", "roberta"):
        limit = 66 if name == "distilbert" else 64  # padding and the position before it are lost
        assert read_spec(FIXTURES / name, document_length=9999).document_length == limit
