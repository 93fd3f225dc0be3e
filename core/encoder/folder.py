"""What an encoder's folder says of it, and lengths written back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from core.encoder.json_files import read_object, value_of
from core.encoder.layouts import SENTENCE_LENGTH, layout_of, listed_modules
from core.encoder.location import checkpoint_hash
from core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from core.encoder.spec import EncoderSpec, Family, Layout

_FAMILIES: Final[dict[str, Family]] = {
    "bert": "bert",
    "distilbert": "distilbert",
    "modernbert": "modernbert",
    "mpnet": "mpnet",
    "qwen3": "qwen3",
    "roberta": "roberta",
    "t5": "t5",
    "xlm-roberta": "roberta",
}
#: The key of the transformer's width, where it is not ``hidden_size``.
_WIDTHS: Final[dict[Family, str]] = {"distilbert": "dim", "t5": "d_model"}
#: Two special tokens, a prefix, and one token of the text.
_SHORTEST: Final = 4
_UNLIMITED: Final = 1 << 30
#: The file of each layout with the lengths of queries and documents, and their keys. An encoder of
#: sentence-transformers has one length for both; a plain folder has no place for lengths.
_LENGTHS: Final[dict[Layout, tuple[str, tuple[str, ...]]]] = {
    "colbert": ("artifact.metadata", ("query_maxlen", "doc_maxlen")),
    "pylate": ("config_sentence_transformers.json", ("query_length", "document_length")),
    "sentence": ("sentence_bert_config.json", ("max_seq_length",)),
    "multivector": ("sentence_bert_config.json", ("query_length", "document_length")),
}


def read_spec(
    folder: Path, *, query_length: int | None = None, document_length: int | None = None
) -> EncoderSpec:
    """Return what a folder says of its encoder.

    Args:
        folder: a local folder.
        query_length: replaces the folder's own; at least 4.
        document_length: replaces the folder's own; at least 4.

    Raises:
        InputError: a file is missing or malformed, or asks for something that is not supported.
    """
    path = folder / "config.json"
    config = read_object(path)
    if not config:
        raise InputError(
            "this folder has no config.json, so it holds no encoder",
            where=str(folder),
            todo="Name the folder that contains config.json and model.safetensors.",
        )
    family = _family(config, path)
    width = value_of(config, _WIDTHS.get(family, "hidden_size"), 768, path)
    spec = layout_of(folder, family, width)
    lengths = (query_length or spec.query_length, document_length or spec.document_length)
    if min(lengths) < _SHORTEST:
        raise InputError(
            f"texts cannot be cut to {min(lengths)} tokens", todo=f"Choose {_SHORTEST} or more."
        )
    most = _positions(config, family, path)
    lengths = (min(lengths[0], most), min(lengths[1], most))
    by_hand = query_length is not None or document_length is not None
    settings = f"lengths {lengths}\n" if by_hand else ""
    return replace(
        spec,
        query_length=lengths[0],
        document_length=lengths[1],
        checkpoint=checkpoint_hash(
            folder, [name for _, name in listed_modules(folder)], settings + _reading(spec)
        ),
    )


def write_lengths(folder: Path, spec: EncoderSpec) -> None:
    """Write the lengths of a spec into a folder, where ``read_spec`` finds them.

    Args:
        folder: a folder in the layout of the spec.
        spec: has the lengths. Where there is one for both, the longer of the two is written.

    Raises:
        InputError: the file is malformed.
    """
    if spec.layout not in _LENGTHS:
        return
    name, keys = _LENGTHS[spec.layout]
    lengths = (spec.query_length, spec.document_length)
    values = read_object(folder / name)
    values |= dict(zip(keys, lengths if len(keys) > 1 else (max(lengths),), strict=True))
    expansion = values.get("query_expansion")
    if isinstance(expansion, dict):
        values["query_expansion"] = expansion | {"length": spec.query_length}
    (folder / name).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def _family(config: dict[str, object], path: Path) -> Family:
    name = value_of(config, "model_type", "", path)
    if name not in _FAMILIES:
        raise InputError(
            f"encoders of the architecture {name!r} are not supported",
            where=str(path),
            todo=f"Supported are: {', '.join(sorted(_FAMILIES))}.",
        )
    return _FAMILIES[name]


def _positions(config: dict[str, object], family: Family, path: Path) -> int:
    """Return how many positions the model has; T5 has no limit."""
    most = value_of(config, "max_position_embeddings", 0, path)
    if most < 1:
        return _UNLIMITED
    # These number positions from the one after the id of padding.
    first = {"mpnet": 2, "roberta": value_of(config, "pad_token_id", 1, path) + 1}
    return most - first.get(family, 0)


def _reading(spec: EncoderSpec) -> str:
    """Return the settings that earlier versions passed over, for the hash of the checkpoint.

    Vectors that those versions stored for such an encoder must not be taken for today's.
    """
    lines = []
    if spec.query_prompt or spec.document_prompt:
        lines.append(f"prompts {spec.query_prompt!r} {spec.document_prompt!r}\n")
    if not spec.normalised:
        lines.append("not normalised\n")
    if spec.layout == "multivector":
        lines.append("multivector\n")
    named = read_object(spec.folder / "sentence_bert_config.json").get("max_seq_length")
    if spec.layout == "sentence" and named is None and spec.document_length != SENTENCE_LENGTH:
        lines.append(f"length {spec.document_length}\n")
    return "".join(lines)
