"""Each setting of a folder is followed, or refused by name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from core.encoder import load_encoder
from core.encoder.folder import read_spec, write_lengths
from core.errors import InputError
from tests.core.encoder.fixture_encoders import (
    DOCUMENTS,
    FIXTURES,
    QUERIES,
    encoder,
    skip_without_mlx,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

skip_without_mlx()

MODEL_CONFIG = "config_sentence_transformers.json"


def copied(tmp_path: Path, name: str) -> Path:
    return Path(shutil.copytree(FIXTURES / name, tmp_path / "encoder"))


def change(path: Path, **values: Any) -> None:
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps(before | values), encoding="utf-8")


def error_of(folder: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        load_encoder(folder)
    return caught.value


def assert_alike(
    found: Sequence[NDArray[np.float32]], wanted: Sequence[NDArray[np.float32]]
) -> None:
    for mine, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


@pytest.mark.parametrize("prompt", ["parse: ", "[Q] parse: "])
def test_a_pylate_prefix_comes_before_the_prompt(prompt: str, tmp_path: Path) -> None:
    folder = copied(tmp_path, "pylate")
    change(folder / MODEL_CONFIG, prompts={"query": prompt, "document": "code: "})
    loaded = load_encoder(folder)
    tokens = loaded.tokens("json", query=True)
    assert tokens[:2] == ("[CLS]", "[Q] ")
    assert "".join(tokens[2:]).startswith("parse: json[SEP]")
    assert "".join(loaded.tokens("json", query=False)[2:]).startswith("code: json[SEP]")
    assert_alike(
        loaded.encode_queries(QUERIES),
        encoder("pylate").encode_queries([f"parse: {query}" for query in QUERIES]),
    )


@pytest.mark.parametrize("name", ["document", "passage", "corpus"])
def test_prompts_of_sentence_transformers(name: str, tmp_path: Path) -> None:
    folder = copied(tmp_path, "sentence")
    change(folder / MODEL_CONFIG, prompts={"query": "find: ", name: "parse: "})
    loaded, plain = load_encoder(folder), encoder("sentence")
    assert loaded.spec.checkpoint != plain.spec.checkpoint
    queries = [f"find: {query}" for query in QUERIES]
    documents = [f"parse: {document}" for document in DOCUMENTS]
    assert_alike(loaded.encode_queries(QUERIES), plain.encode_queries(queries))
    assert_alike(loaded.encode_documents(DOCUMENTS), plain.encode_documents(documents))
    loaded.save(tmp_path / "saved")
    assert read_spec(tmp_path / "saved").query_prompt == "find: "


def multivector(tmp_path: Path) -> Path:
    """Write the folder of the PyLate fixture as sentence-transformers 6 does."""
    folder = copied(tmp_path, "pylate")
    kinds = ["Transformer", "Dense", "MultiVectorMask", "Normalize"]
    modules = [
        {"type": f"sentence_transformers.{kind}", "path": f"{place}_{kind}" if place else ""}
        for place, kind in enumerate(kinds)
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    change(folder / "1_Dense" / "config.json", module_input_name="token_embeddings")
    (folder / "2_MultiVectorMask").mkdir()
    change(
        folder / "2_MultiVectorMask" / "config.json",
        skiplist_words=[".", "!", "?", "not a token"],
        skiplist_tasks=["document"],
        keep_only_token_ids=None,
    )
    expansion = {"strategy": "fixed", "attend": True, "token": None, "length": 20}
    lengths = {"document_length": 48, "query_expansion": expansion}
    (folder / "sentence_bert_config.json").write_text(json.dumps(lengths))
    prompts = {"query": "[Q] ", "document": "[D] "}
    settings = {"model_type": "MultiVectorEncoder", "prompts": prompts}
    (folder / MODEL_CONFIG).write_text(json.dumps(settings))
    return folder


def test_a_multi_vector_encoder_of_sentence_transformers(tmp_path: Path) -> None:
    folder = multivector(tmp_path)
    loaded, wanted = load_encoder(folder), encoder("pylate")
    assert (loaded.spec.layout, loaded.spec.query_prefix) == ("multivector", "")
    assert_alike(loaded.encode_queries(QUERIES), wanted.encode_queries(QUERIES))
    assert_alike(loaded.encode_documents(DOCUMENTS), wanted.encode_documents(DOCUMENTS))
    write_lengths(folder, read_spec(folder, query_length=9, document_length=30))
    spec = read_spec(folder)
    assert (spec.query_length, spec.document_length, spec.query_expansion) == (9, 30, True)


@pytest.mark.parametrize(
    ("file", "values", "named"),
    [
        ("sentence_bert_config.json", {"query_expansion": {"strategy": "min", "length": 8}}, "min"),
        ("2_MultiVectorMask/config.json", {"skiplist_tasks": ["query"]}, "skiplist_tasks"),
        ("2_MultiVectorMask/config.json", {"keep_only_token_ids": [3]}, "keep_only_token_ids"),
        (MODEL_CONFIG, {"model_type": "SparseEncoder"}, "SparseEncoder"),
        (MODEL_CONFIG, {"prompts": {"query": 3}}, "query should be a text"),
        ("1_Dense/config.json", {"module_input_name": "sentence_embedding"}, "module_input_name"),
        ("1_Dense/config.json", {"in_features": 768}, "in_features 768"),
    ],
)
def test_what_is_not_supported_is_named(
    file: str, values: dict[str, Any], named: str, tmp_path: Path
) -> None:
    folder = multivector(tmp_path)
    change(folder / file, **values)
    error = error_of(folder)
    assert named in error.what
    assert error.where.endswith(file)


def without_normalize(tmp_path: Path, similarity: str) -> Path:
    folder = copied(tmp_path, "sentence")
    modules = json.loads((folder / "modules.json").read_text())
    (folder / "modules.json").write_text(json.dumps(modules[:2]))
    change(folder / MODEL_CONFIG, similarity_fn_name=similarity)
    return folder


def test_vectors_compared_by_dot_keep_their_length(tmp_path: Path) -> None:
    loaded = load_encoder(without_normalize(tmp_path, "dot"))
    found = loaded.encode_documents(DOCUMENTS)
    lengths = [np.linalg.norm(vector) for vector in found]
    assert max(lengths) > 1.5
    wanted = encoder("sentence").encode_documents(DOCUMENTS)
    assert_alike([v / n for v, n in zip(found, lengths, strict=True)], wanted)
    _, parts = loaded.token_parts(DOCUMENTS[0], query=False)
    np.testing.assert_allclose(parts.sum(axis=0), found[0][0], atol=1e-5)


def test_vectors_compared_by_cosine_have_length_1(tmp_path: Path) -> None:
    loaded = load_encoder(without_normalize(tmp_path, "cosine"))
    assert_alike(
        loaded.encode_documents(DOCUMENTS), encoder("sentence").encode_documents(DOCUMENTS)
    )


def test_other_similarities_are_refused(tmp_path: Path) -> None:
    assert "euclidean" in error_of(without_normalize(tmp_path, "euclidean")).what


def test_pooling_without_the_prompt_is_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path, "sentence")
    change(folder / "1_Pooling" / "config.json", include_prompt=False)
    assert read_spec(folder).pooling == "mean"
    change(folder / MODEL_CONFIG, prompts={"query": "find: "})
    assert "include_prompt" in error_of(folder).what


@pytest.mark.parametrize(
    ("kinds", "named"),
    [
        (["Transformer", "Pooling", "LSTM"], "LSTM"),
        (["Transformer", "Normalize", "Pooling"], "Normalize, Pooling"),
        (["Transformer", "Pooling", "Pooling"], "Pooling, Pooling"),
        (["Pooling"], "order"),
    ],
)
def test_modules_that_are_not_supported_are_named(
    kinds: list[str], named: str, tmp_path: Path
) -> None:
    folder = copied(tmp_path, "sentence")
    modules = [
        {"type": f"sentence_transformers.models.{kind}", "path": "1_Pooling" if place else ""}
        for place, kind in enumerate(kinds)
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    error = error_of(folder)
    assert named in error.what
    assert error.where.endswith("modules.json")


def test_dropout_is_for_training_only(tmp_path: Path) -> None:
    folder = copied(tmp_path, "sentence")
    modules = json.loads((folder / "modules.json").read_text())
    dropout = {"type": "sentence_transformers.models.Dropout", "path": "3_Dropout"}
    (folder / "modules.json").write_text(json.dumps([*modules, dropout]))
    assert read_spec(folder).pooling == "mean"


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("pylate", "1_Dense/config.json"),
        ("t5_projected", "2_Dense/config.json"),
        ("sentence", "1_Pooling/config.json"),
    ],
)
def test_a_missing_module_file_is_named(name: str, file: str, tmp_path: Path) -> None:
    folder = copied(tmp_path, name)
    (folder / file).unlink()
    error = error_of(folder)
    assert f"there is no {file}" in error.what


def test_the_embedding_of_t5_is_the_encoder_s_own(tmp_path: Path) -> None:
    folder = copied(tmp_path, "t5_merged")
    tensors = load_file(folder / "model.safetensors")
    tensors["encoder.embed_tokens.weight"] = tensors["shared.weight"]
    tensors["shared.weight"] = tensors["shared.weight"] * 0 + 3
    save_file(tensors, folder / "model.safetensors")
    loaded = load_encoder(folder)
    assert_alike(
        loaded.encode_documents(DOCUMENTS), encoder("t5_merged").encode_documents(DOCUMENTS)
    )
    loaded.save(tmp_path / "saved")
    saved = load_file(tmp_path / "saved" / "model.safetensors")
    for name in ("encoder.embed_tokens.weight", "shared.weight"):
        np.testing.assert_array_equal(saved[name], tensors[name])


def test_the_length_of_a_sentence_encoder_may_be_its_tokenizer_s(tmp_path: Path) -> None:
    folder = copied(tmp_path, "sentence")
    (folder / "sentence_bert_config.json").unlink()
    change(folder / "tokenizer_config.json", model_max_length=40)
    assert read_spec(folder).document_length == 40
    change(folder / "tokenizer_config.json", model_max_length=int(1e30))
    assert read_spec(folder).document_length == 64  # the positions of the model
