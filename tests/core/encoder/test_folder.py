"""The settings of a folder, the hash of its content, and the variants that checkpoints come in."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from core.encoder import load_encoder
from core.encoder.folder import read_spec, write_lengths
from tests.core.encoder.fixture_encoders import DOCUMENTS, FIXTURES, encoder, skip_without_mlx


def test_a_colbert_folder() -> None:
    spec = read_spec(FIXTURES / "colbert")
    assert (spec.family, spec.layout, spec.dimensions) == ("bert", "colbert", 16)
    assert (spec.query_prefix, spec.document_prefix) == ("[unused0]", "[unused1]")
    assert (spec.query_length, spec.document_length) == (16, 40)
    assert spec.query_expansion
    assert not spec.attend_to_expansion
    assert "!" in spec.skiplist


def test_a_pylate_folder() -> None:
    spec = read_spec(FIXTURES / "pylate")
    assert (spec.family, spec.layout, spec.dimensions) == ("modernbert", "pylate", 16)
    assert (spec.query_prefix, spec.document_prefix) == ("[Q] ", "[D] ")
    assert (spec.query_length, spec.document_length) == (20, 48)
    assert spec.attend_to_expansion
    assert spec.skiplist == (".", "!", "?")


def test_a_t5_encoder_with_a_projection_and_without() -> None:
    merged, projected = read_spec(FIXTURES / "t5_merged"), read_spec(FIXTURES / "t5_projected")
    assert (merged.layout, merged.dimensions, merged.projections) == ("plain", 32, ())
    assert (projected.layout, projected.dimensions) == ("plain", 16)
    assert not merged.query_expansion


def test_a_sentence_folder() -> None:
    spec = read_spec(FIXTURES / "sentence")
    assert (spec.layout, spec.pooling, spec.document_length) == ("sentence", "mean", 50)


def test_expansion_tokens_are_not_attended_to_where_there_are_none(tmp_path: Path) -> None:
    copied = Path(shutil.copytree(FIXTURES / "pylate", tmp_path / "encoder"))
    path = copied / "config_sentence_transformers.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"do_query_expansion": False}))
    assert not read_spec(copied).attend_to_expansion


@pytest.mark.parametrize(
    "name",
    [
        "model.safetensors",
        "config.json",
        "tokenizer.json",
        "1_Dense/model.safetensors",
        "config_sentence_transformers.json",
    ],
)
def test_the_checkpoint_hash_changes_with_each_file_that_matters(name: str, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(FIXTURES / "pylate", tmp_path / "encoder"))
    before = read_spec(copied).checkpoint
    assert before == read_spec(FIXTURES / "pylate").checkpoint
    (copied / "README.md").write_text("no matter")
    assert read_spec(copied).checkpoint == before
    path = copied / name
    if name.endswith(".json"):
        path.write_text(path.read_text() + "\n")
    else:
        tensors = {key: value + 1 for key, value in load_file(path).items()}
        save_file(tensors, path)
    assert read_spec(copied).checkpoint != before


def test_the_checkpoint_hash_changes_with_lengths_set_by_hand() -> None:
    own = read_spec(FIXTURES / "pylate").checkpoint
    assert read_spec(FIXTURES / "pylate", document_length=30).checkpoint != own


@pytest.mark.parametrize(
    ("name", "lengths"),
    [
        ("colbert", (8, 20)),
        ("pylate", (8, 20)),
        ("sentence", (20, 20)),
    ],
)
def test_lengths_written_are_read_back(name: str, lengths: tuple[int, int], tmp_path: Path) -> None:
    folder = tmp_path / name
    shutil.copytree(FIXTURES / name, folder)
    before = read_spec(folder)
    write_lengths(folder, replace(before, query_length=8, document_length=20))
    after = read_spec(folder)
    assert (after.query_length, after.document_length) == lengths
    same = replace(
        after,
        query_length=before.query_length,
        document_length=before.document_length,
        checkpoint=before.checkpoint,
    )
    assert same == before


def test_a_plain_folder_is_left_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    shutil.copytree(FIXTURES / "t5_merged", folder)
    before = read_spec(folder)
    write_lengths(folder, replace(before, document_length=20))
    assert read_spec(folder) == before


class TestVariants:
    """The same encoder, saved in other ways."""

    @pytest.fixture(autouse=True)
    def needs_mlx(self) -> None:
        skip_without_mlx()

    def same(self, folder: Path, name: str) -> None:
        for mine, theirs in zip(
            load_encoder(folder).encode_documents(DOCUMENTS),
            encoder(name).encode_documents(DOCUMENTS),
            strict=True,
        ):
            np.testing.assert_array_equal(mine, theirs)

    def test_shards(self, tmp_path: Path) -> None:
        copied = Path(shutil.copytree(FIXTURES / "t5_merged", tmp_path / "encoder"))
        tensors = load_file(copied / "model.safetensors")
        (copied / "model.safetensors").unlink()
        where = {name: f"part-{index % 2}.safetensors" for index, name in enumerate(tensors)}
        for shard in set(where.values()):
            save_file({n: tensors[n] for n in tensors if where[n] == shard}, copied / shard)
        index = copied / "model.safetensors.index.json"
        index.write_text(json.dumps({"weight_map": where}))
        self.same(copied, "t5_merged")

    def test_the_other_name_of_the_embedding_and_a_decoder_beside(self, tmp_path: Path) -> None:
        copied = Path(shutil.copytree(FIXTURES / "t5_merged", tmp_path / "encoder"))
        tensors = load_file(copied / "model.safetensors")
        tensors["encoder.embed_tokens.weight"] = tensors.pop("shared.weight")
        tensors["decoder.final_layer_norm.weight"] = np.full(32, np.nan, np.float32)
        save_file(tensors, copied / "model.safetensors")
        self.same(copied, "t5_merged")

    def test_a_language_model_with_a_head(self, tmp_path: Path) -> None:
        copied = Path(shutil.copytree(FIXTURES / "pylate", tmp_path / "encoder"))
        tensors = load_file(copied / "model.safetensors")
        tensors = {f"model.{name}": value for name, value in tensors.items()}
        save_file(
            tensors | {"head.dense.weight": np.ones(3, np.float32)}, copied / "model.safetensors"
        )
        self.same(copied, "pylate")

    @pytest.mark.parametrize("name", ["distilbert", "mpnet", "roberta"])
    def test_a_relative_of_bert_with_a_prefix(self, name: str, tmp_path: Path) -> None:
        copied = Path(shutil.copytree(FIXTURES / name, tmp_path / "encoder"))
        tensors = load_file(copied / "model.safetensors")
        prefixed = {f"{name}.{key}": value for key, value in tensors.items()}
        save_file(prefixed, copied / "model.safetensors")
        self.same(copied, name)

    def test_half_precision(self, tmp_path: Path) -> None:
        copied = Path(shutil.copytree(FIXTURES / "colbert", tmp_path / "encoder"))
        tensors = load_file(copied / "model.safetensors")
        halves = {name: value.astype(np.float16) for name, value in tensors.items()}
        save_file(halves, copied / "model.safetensors")
        (matrix,) = load_encoder(copied).encode_documents(DOCUMENTS[:1])
        assert matrix.dtype == np.float32
        wanted = encoder("colbert").encode_documents(DOCUMENTS[:1])[0]
        np.testing.assert_allclose(matrix, wanted, atol=0.02)

    def test_a_plain_bert(self, tmp_path: Path) -> None:
        copied = Path(shutil.copytree(FIXTURES / "sentence", tmp_path / "encoder"))
        for name in ("modules.json", "sentence_bert_config.json"):
            (copied / name).unlink()
        loaded = load_encoder(copied)
        assert (loaded.spec.layout, loaded.spec.pooling) == ("plain", "none")
        (matrix,) = loaded.encode_documents(["parse json"])
        assert matrix.shape == (4, 32)
