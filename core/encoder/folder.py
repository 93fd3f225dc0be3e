"""What an encoder's folder says: architecture, lengths, prefixes, pooling, projections.

The names of files and keys are those of ColBERT (``artifact.metadata``), PyLate and
sentence-transformers (``modules.json``, ``config_sentence_transformers.json``).
"""

from __future__ import annotations

import json
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from core.encoder.json_files import read_object, read_objects, value_of
from core.encoder.location import checkpoint_hash
from core.encoder.spec import (
    DEFAULT_DOCUMENT_LENGTH,
    DEFAULT_QUERY_LENGTH,
    EncoderSpec,
    Family,
    Layout,
    Pooling,
    Projection,
)
from core.encoder.weight_files import tensor_shapes
from core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

_FAMILIES: Final[dict[str, Family]] = {"bert": "bert", "modernbert": "modernbert", "t5": "t5"}
_SENTENCE_LENGTH: Final = 512
_PUNCTUATION: Final = tuple(string.punctuation)
#: The file of each layout, and its keys of the lengths of queries and documents. One that encodes
#: both alike has one key; a plain folder has no place for lengths.
_PLACES: Final[dict[Layout, tuple[str, tuple[str, ...]]]] = {
    "colbert": ("artifact.metadata", ("query_maxlen", "doc_maxlen")),
    "pylate": ("config_sentence_transformers.json", ("query_length", "document_length")),
    "sentence": ("sentence_bert_config.json", ("max_seq_length",)),
}


def read_spec(
    folder: Path, *, query_length: int | None = None, document_length: int | None = None
) -> EncoderSpec:
    """Return what the folder says of its encoder.

    Args:
        folder: a local folder.
        query_length: takes the place of the folder's own; at least 4.
        document_length: takes the place of the folder's own; at least 4.

    Raises:
        InputError: a file is missing or malformed, or the architecture is not one of ours.
    """
    config_path = folder / "config.json"
    config = read_object(config_path)
    if not config:
        raise InputError(
            "this folder has no config.json, so it holds no encoder",
            where=str(folder),
            todo="Name the folder that config.json and model.safetensors lie in.",
        )
    family = _family(config, config_path)
    width = value_of(config, "d_model" if family == "t5" else "hidden_size", 768, config_path)
    modules = _modules(folder)
    settings = _settings(folder, modules, width)
    lengths = _limited(settings, config, query_length, document_length)
    by_hand = "" if query_length is None and document_length is None else f"lengths {lengths}\n"
    return EncoderSpec(
        folder=folder,
        family=family,
        layout=settings.layout,
        pooling=settings.pooling,
        hidden_size=width,
        projections=settings.projections,
        query_prefix=settings.query_prefix,
        document_prefix=settings.document_prefix,
        query_length=lengths[0],
        document_length=lengths[1],
        query_expansion=settings.query_expansion,
        attend_to_expansion=settings.query_expansion and settings.attend_to_expansion,
        skiplist=settings.skiplist,
        lowercase=settings.lowercase,
        checkpoint=checkpoint_hash(folder, [path for _, path in modules], by_hand),
    )


@dataclass(frozen=True, slots=True)
class _Settings:
    layout: Layout
    pooling: Pooling = "none"
    projections: tuple[Projection, ...] = ()
    query_prefix: str = ""
    document_prefix: str = ""
    query_length: int = DEFAULT_QUERY_LENGTH
    document_length: int = DEFAULT_DOCUMENT_LENGTH
    query_expansion: bool = False
    attend_to_expansion: bool = False
    skiplist: tuple[str, ...] = ()
    lowercase: bool = False


def _family(config: dict[str, object], path: Path) -> Family:
    name = value_of(config, "model_type", "", path)
    if name not in _FAMILIES:
        raise InputError(
            f"the architecture {name!r} is not one that can be encoded with",
            where=str(path),
            todo=f"These are: {', '.join(sorted(_FAMILIES))}.",
        )
    return _FAMILIES[name]


def _modules(folder: Path) -> list[tuple[str, str]]:
    """Return kind and folder of the modules, in their order."""
    path = folder / "modules.json"
    listed = [
        (value_of(m, "type", "", path).rpartition(".")[2], value_of(m, "path", "", path))
        for m in read_objects(path)
    ]
    if listed:
        for _, name in listed:
            if name.startswith("/") or ".." in name.split("/"):
                raise InputError("a module lies outside its folder", where=f"{path}: {name}")
        return listed
    dense = sorted(p.parent.name for p in folder.glob("[0-9]_Dense/config.json"))
    return [("Dense", name) for name in dense]


def _settings(folder: Path, modules: list[tuple[str, str]], width: int) -> _Settings:
    kinds = {kind for kind, _ in modules}
    if "Transformer" in kinds and dict(modules)["Transformer"]:
        raise InputError(
            "the transformer of this encoder lies in a folder of its own",
            where=f"{folder}/modules.json",
            todo="Only encoders with config.json and model.safetensors at the top are read.",
        )
    projections = _projections(folder, modules)
    if "Pooling" in kinds:
        return _sentence(folder, modules, projections)
    if (folder / "artifact.metadata").exists() or (not modules and _has_colbert_head(folder)):
        return _colbert(folder, width)
    if "Transformer" in kinds:
        return _pylate(folder, projections)
    lowercase = _sentence_bert(folder)[1]
    return _Settings("plain", projections=projections, lowercase=lowercase)


def _colbert(folder: Path, width: int) -> _Settings:
    path = folder / "artifact.metadata"
    values = read_object(path)
    projection = Projection("model.safetensors", width, value_of(values, "dim", 128, path))
    punctuation = value_of(values, "mask_punctuation", True, path)
    return _Settings(
        "colbert",
        projections=(projection,),
        query_prefix=value_of(values, "query_token_id", "[unused0]", path),
        document_prefix=value_of(values, "doc_token_id", "[unused1]", path),
        query_length=value_of(values, "query_maxlen", DEFAULT_QUERY_LENGTH, path),
        document_length=value_of(values, "doc_maxlen", DEFAULT_DOCUMENT_LENGTH, path),
        query_expansion=True,
        attend_to_expansion=value_of(values, "attend_to_mask_tokens", False, path),
        skiplist=_PUNCTUATION if punctuation else (),
    )


def _pylate(folder: Path, projections: tuple[Projection, ...]) -> _Settings:
    path = folder / "config_sentence_transformers.json"
    values = read_object(path)
    skiplist = value_of(values, "skiplist_words", list(_PUNCTUATION), path)
    return _Settings(
        "pylate",
        projections=projections,
        query_prefix=value_of(values, "query_prefix", "[Q] ", path),
        document_prefix=value_of(values, "document_prefix", "[D] ", path),
        query_length=value_of(values, "query_length", DEFAULT_QUERY_LENGTH, path),
        document_length=value_of(values, "document_length", DEFAULT_DOCUMENT_LENGTH, path),
        query_expansion=value_of(values, "do_query_expansion", True, path),
        attend_to_expansion=value_of(values, "attend_to_expansion_tokens", False, path),
        skiplist=tuple(str(word) for word in skiplist),
        lowercase=_sentence_bert(folder)[1],
    )


def _sentence(
    folder: Path, modules: list[tuple[str, str]], projections: tuple[Projection, ...]
) -> _Settings:
    length, lowercase = _sentence_bert(folder)
    return _Settings(
        "sentence",
        pooling=_pooling(folder / dict(modules)["Pooling"] / "config.json"),
        projections=projections,
        query_length=length,
        document_length=length,
        lowercase=lowercase,
    )


def _sentence_bert(folder: Path) -> tuple[int, bool]:
    path = folder / "sentence_bert_config.json"
    values = read_object(path)
    length = value_of(values, "max_seq_length", _SENTENCE_LENGTH, path)
    return length, value_of(values, "do_lower_case", False, path)


def _pooling(path: Path) -> Pooling:
    values = read_object(path)
    named = value_of(values, "pooling_mode", "", path)
    modes = {named} if named else {key for key, value in values.items() if value is True}
    modes = {mode.removeprefix("pooling_mode_") for mode in modes} - {"include_prompt"}
    if modes & {"mean", "mean_tokens"} and len(modes) == 1:
        return "mean"
    if modes & {"cls", "cls_token"} and len(modes) == 1:
        return "cls"
    raise InputError(
        f"this pooling is not supported: {', '.join(sorted(modes)) or 'none'}",
        where=str(path),
        todo="Mean and CLS pooling are.",
    )


def _projections(folder: Path, modules: list[tuple[str, str]]) -> tuple[Projection, ...]:
    return tuple(_projection(folder, name) for kind, name in modules if kind == "Dense")


def _projection(folder: Path, name: str) -> Projection:
    path = folder / name / "config.json"
    values = read_object(path)
    activation = value_of(values, "activation_function", "Identity", path).rpartition(".")[2]
    kinds: dict[str, Literal["identity", "tanh"]] = {"Identity": "identity", "Tanh": "tanh"}
    if activation not in kinds:
        raise InputError(f"this activation is not supported: {activation}", where=str(path))
    return Projection(
        file=f"{name}/model.safetensors",
        inputs=value_of(values, "in_features", 0, path),
        outputs=value_of(values, "out_features", 0, path),
        bias=value_of(values, "bias", True, path),
        activation=kinds[activation],
        residual=value_of(values, "use_residual", False, path),
    )


def _has_colbert_head(folder: Path) -> bool:
    path = folder / "model.safetensors"
    return path.is_file() and "linear.weight" in tensor_shapes(path)


def _limited(
    settings: _Settings, config: dict[str, object], query: int | None, document: int | None
) -> tuple[int, int]:
    """Return both lengths, no longer than the table of positions (T5 has none)."""
    most = config.get("max_position_embeddings")
    limit = most if isinstance(most, int) and most > 0 else 1 << 30
    lengths = (query or settings.query_length, document or settings.document_length)
    if min(lengths) < 4:  # noqa: PLR2004 - two special tokens, a prefix, and one of the text
        raise InputError(f"texts cannot be cut to {min(lengths)} tokens", todo="Take 4 or more.")
    return min(lengths[0], limit), min(lengths[1], limit)


def write_lengths(folder: Path, spec: EncoderSpec) -> None:
    """Have a folder encode as long as ``spec`` says, whatever it said before.

    Args:
        folder: a folder in the layout of the spec.
        spec: says the lengths. Where there is one for both, the longer of the two is written.

    Raises:
        InputError: the file is malformed.
    """
    if spec.layout not in _PLACES:
        return
    name, keys = _PLACES[spec.layout]
    lengths = (spec.query_length, spec.document_length)
    values = read_object(folder / name)
    values |= dict(zip(keys, lengths if len(keys) > 1 else (max(lengths),), strict=True))
    (folder / name).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
