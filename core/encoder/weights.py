"""An encoder's parameters, from its safetensors files and back.

The module's own names are the checkpoint's after the prefix ``base.`` or ``projections.N.``.
Checkpoints differ in a prefix before the transformer's names (``bert.``, ``model.``), in the names
``gamma`` and ``beta`` of old norms, and in two names for T5's embedding.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

import mlx.core as mx

from core.encoder.weight_files import tensor_shapes, weight_files
from core.errors import InputError
from core.files import replacing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from core.encoder.spec import EncoderSpec, Family
    from core.encoder.weight_files import Shape

    Tensors = dict[str, mx.array]

_PREFIXES: Final = (
    "",
    "bert.",
    "distilbert.",
    "mpnet.",
    "roberta.",
    "model.",
    "encoder_model.",
    "0.auto_model.",
)
#: A name of each architecture by which the prefix is recognised.
_ANCHORS: Final[dict[Family, str]] = {
    "modernbert": "embeddings.tok_embeddings.weight",
    "qwen3": "embed_tokens.weight",
    "t5": "encoder.final_layer_norm.weight",
}
_BERT_ANCHOR: Final = "embeddings.word_embeddings.weight"
#: The word embeddings, by the module's own name.
TABLE_NAMES: Final[dict[Family, str]] = {
    "bert": "base.embeddings.word_embeddings.weight",
    "distilbert": "base.embeddings.word_embeddings.weight",
    "modernbert": "base.embeddings.tok_embeddings.weight",
    "mpnet": "base.embeddings.word_embeddings.weight",
    "qwen3": "base.embed_tokens.weight",
    "roberta": "base.embeddings.word_embeddings.weight",
    "t5": "base.shared.weight",
}
#: Parts of the names of BERT's parameters, and of the same parameters in its relatives.
_RENAMED: Final[dict[Family, dict[str, str]]] = {
    "distilbert": {
        "encoder.layer": "transformer.layer",
        "attention.self.query": "attention.q_lin",
        "attention.self.key": "attention.k_lin",
        "attention.self.value": "attention.v_lin",
        "attention.output.dense": "attention.out_lin",
        "attention.output.LayerNorm": "sa_layer_norm",
        "intermediate.dense": "ffn.lin1",
        "output.dense": "ffn.lin2",
        "output.LayerNorm": "output_layer_norm",
    },
    "mpnet": {
        "attention.self.query": "attention.attn.q",
        "attention.self.key": "attention.attn.k",
        "attention.self.value": "attention.attn.v",
        "attention.output.dense": "attention.attn.o",
        "attention.output.LayerNorm": "attention.LayerNorm",
    },
}


def load_weights(spec: EncoderSpec, shapes: Mapping[str, Shape]) -> Tensors:
    """Return the parameters of an encoder as float32.

    Args:
        spec: of the encoder.
        shapes: the module's name of each parameter -> the shape that it must have.

    Raises:
        InputError: there are no safetensors, or a tensor is missing, has another shape, or holds
            NaN or infinity.
    """
    loaded: Tensors = {}
    for source in _sources(spec, shapes):
        loaded |= _load_source(source, shapes)
    return loaded


def save_encoder(spec: EncoderSpec, weights: Mapping[str, mx.array], folder: Path) -> None:
    """Write a copy of an encoder's folder with other weights.

    Each parameter is written to the file, under the name and with the precision that it was read
    from; shards become one file. The other tensors of those files (a pooler, a decoder) stay as
    they are, except further copies of the word embeddings, which get the new values too.

    Args:
        spec: of the original.
        weights: all parameters of the module, by their names there.
        folder: must not exist.

    Raises:
        InputError: the folder exists already, or the original can no longer be read.
        OSError: it cannot be written.
        RuntimeError: MLX cannot write the weights.
    """
    if folder.exists():
        raise InputError("this folder exists already", where=str(folder), todo="Name another.")
    with replacing(folder) as unfinished:
        _copy_settings(spec.folder, unfinished)
        for place, tensors in _files(spec, weights).items():
            path = unfinished / place
            path.parent.mkdir(parents=True, exist_ok=True)
            mx.save_safetensors(str(path), tensors, metadata={"format": "pt"})


def checkpoint_name(name: str, family: Family) -> str:
    """Return the name that checkpoints of an architecture have for a parameter of its module."""
    for part, other in _RENAMED.get(family, {}).items():
        name = name.replace(part, other)
    return name


@dataclass(frozen=True, slots=True)
class _Source:
    """Parameters that come from the files of one model: our name -> the files' name."""

    files: tuple[Path, ...]
    names: dict[str, str]


def _sources(spec: EncoderSpec, parameters: Iterable[str]) -> list[_Source]:
    """Return where each parameter of the module is found."""
    parameters = list(parameters)
    files = tuple(weight_files(spec.folder))
    present = {name for file in files for name in tensor_shapes(file)}
    anchor = _ANCHORS.get(spec.family, _BERT_ANCHOR)
    prefix = next((p for p in _PREFIXES if p + anchor in present), "")
    base = {
        name: _name_in(present, prefix + checkpoint_name(name.removeprefix("base."), spec.family))
        for name in parameters
        if name.startswith("base.")
    }
    sources = [_Source(files, base)]
    for index, projection in enumerate(spec.projections):
        start = f"projections.{index}."
        names = {n: n.removeprefix(start) for n in parameters if n.startswith(start)}
        path = spec.folder / projection.file
        own = files if path.parent == spec.folder else tuple(weight_files(path.parent, path.name))
        sources.append(_Source(own, names))
    return sources


def _name_in(present: set[str], name: str) -> str:
    """Return the name that a parameter has in a checkpoint with these tensors.

    Of two different embeddings T5's encoder uses its own, as in transformers 5.
    """
    names = (
        name.replace("shared.weight", "encoder.embed_tokens.weight"),
        name,
        name.replace("LayerNorm.weight", "LayerNorm.gamma"),
        name.replace("LayerNorm.bias", "LayerNorm.beta"),
    )
    return next((other for other in names if other in present), name)


def _load_source(source: _Source, shapes: Mapping[str, Shape]) -> Tensors:
    where = {name: path for path in source.files for name in tensor_shapes(path)}
    missing = sorted(name for name in source.names.values() if name not in where)
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        place = str(next(iter(where.values()), "")) or ", ".join(map(str, source.files))
        raise InputError(f"the tensor {missing[0]} is missing{more}", where=place)
    opened = {path: _opened(path) for path in {where[name] for name in source.names.values()}}
    return {
        ours: _checked(opened[where[theirs]][theirs], shapes[ours], theirs, where[theirs])
        for ours, theirs in source.names.items()
    }


def _checked(tensor: mx.array, shape: Shape, name: str, path: Path) -> mx.array:
    """Return the tensor as float32, if it has the shape and its numbers are finite."""
    if tensor.shape != shape:
        raise InputError(
            f"the tensor {name} has the shape {tensor.shape}, not {shape}", where=str(path)
        )
    if not mx.issubdtype(tensor.dtype, mx.floating):
        raise InputError(f"the tensor {name} holds {tensor.dtype}", where=str(path))
    tensor = tensor.astype(mx.float32)
    if not mx.isfinite(tensor).all().item():
        raise InputError(
            f"the tensor {name} holds NaN or infinity",
            where=str(path),
            todo="Take an earlier checkpoint; training has diverged.",
        )
    return tensor


def _opened(path: Path) -> Tensors:
    try:
        return cast("Tensors", mx.load(str(path)))
    except RuntimeError as error:
        raise InputError(
            f"cannot read these weights: {error}",
            where=str(path),
            todo="Write them as float32, float16 or bfloat16.",
        ) from error


def _files(spec: EncoderSpec, weights: Mapping[str, mx.array]) -> dict[Path, Tensors]:
    """Return the new content of each weights file, by its path in the folder."""
    table = TABLE_NAMES[spec.family]
    files: dict[Path, Tensors] = {}
    for source in _sources(spec, weights):
        place = source.files[0].relative_to(spec.folder).parent / "model.safetensors"
        old = files.get(place) or {k: v for path in source.files for k, v in _opened(path).items()}
        new = {
            theirs: weights[ours].astype(old[theirs].dtype) for ours, theirs in source.names.items()
        }
        if table in source.names:
            name = source.names[table]
            new |= dict.fromkeys(_copies(old, name) - new.keys(), new[name])
        files[place] = old | new
    return files


def _copies(tensors: Tensors, name: str) -> set[str]:
    """Return the names of all tensors that equal this one."""
    own = tensors[name]
    return {
        other
        for other, tensor in tensors.items()
        if (tensor.shape, tensor.dtype) == (own.shape, own.dtype)
        and mx.array_equal(tensor, own).item()
    }


def _copy_settings(source: Path, target: Path) -> None:
    """Copy settings and tokenizer, also those of modules in folders such as ``1_Pooling``."""
    target.mkdir(parents=True)
    for path in sorted([*source.glob("*"), *source.glob("[0-9]_*/*")]):
        inside = path.relative_to(source)
        if path.is_file() and path.suffix in {".json", ".txt", ".model", ".metadata"}:
            if path.name.endswith(".index.json"):
                continue
            (target / inside).parent.mkdir(exist_ok=True)
            shutil.copyfile(path, target / inside)
