"""Reads safetensors, and nothing else.

Which tensor of which file is which parameter.

The module's own names are the checkpoint's, after the prefix ``base.`` or ``projections.N.``. What
checkpoints do differently: a prefix before the transformer's names (``bert.``, ``model.``), the
names ``gamma`` and ``beta`` of old norms, two names for T5's embedding.

An encoder's folder with other weights in it: what loads the original loads this.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

import mlx.core as mx

from core.encoder.spec import read_object
from core.errors import InputError
from core.files import replacing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from core.encoder.spec import EncoderSpec, Family

    Tensors = dict[str, mx.array]

Shape = tuple[int, ...]
_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")


def weight_files(folder: Path, name: str = "model.safetensors") -> list[Path]:
    """Return the safetensors files of a model: one, or the shards that its index lists.

    Raises:
        InputError: there are none.
    """
    single = folder / name
    if single.is_file():
        return [single]
    index = read_object(folder / f"{name}.index.json").get("weight_map")
    if isinstance(index, dict):
        shards = sorted({str(shard) for shard in index.values()})
        if any("/" in shard for shard in shards):
            raise InputError("a shard lies outside its folder", where=f"{folder}/{name}.index.json")
        return [_present(folder / shard) for shard in shards]
    return [_present(single)]


def _present(path: Path) -> Path:
    if path.is_file():
        return path
    pickled = [found.name for kind in _PICKLED for found in path.parent.glob(kind)]
    if pickled:
        raise InputError(
            f"the weights are pickled ({pickled[0]}), and only safetensors are read",
            where=str(path.parent),
            todo="Convert them where you trust them: load the state dict with PyTorch and write it"
            f" with safetensors.torch.save_file as {path.name}.",
        )
    raise InputError(
        f"there is no {path.name}",
        where=str(path.parent),
        todo="Only safetensors are read. A projection that exists only as pytorch_model.bin must be"
        " converted, or its module taken out of modules.json.",
    )


def tensor_shapes(path: Path) -> dict[str, Shape]:
    """Return the name and shape of each tensor of a file, from its header.

    Raises:
        InputError: the file is no safetensors file, or it is cut short.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 - it is no mapping
    except (SafetensorError, OSError) as error:
        raise InputError(f"cannot read these weights: {error}", where=str(path)) from error


def load_tensors(
    files: Iterable[Path], names: Mapping[str, str], shapes: Mapping[str, Shape]
) -> dict[str, mx.array]:
    """Return the tensors of a model as float32, each looked up by the name it has in the files.

    Args:
        files: safetensors files.
        names: the model's name for a tensor -> the files' name for it.
        shapes: the model's name -> the shape that it must have.

    Raises:
        InputError: a tensor is missing, has another shape, or holds NaN or infinity.
    """
    import mlx.core as mx

    where = {name: path for path in files for name in tensor_shapes(path)}
    missing = sorted(name for name in names.values() if name not in where)
    place = str(next(iter(where.values()), "")) if where else ", ".join(map(str, files))
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise InputError(f"the tensor {missing[0]} is missing{more}", where=place)
    opened = {path: _opened(path) for path in {where[name] for name in names.values()}}
    tensors = {}
    for ours, theirs in names.items():
        path = where[theirs]
        tensor = opened[path][theirs]
        if tensor.shape != shapes[ours]:
            raise InputError(
                f"the tensor {theirs} has the shape {tensor.shape}, not {shapes[ours]}",
                where=str(path),
            )
        if not mx.issubdtype(tensor.dtype, mx.floating):
            raise InputError(f"the tensor {theirs} holds {tensor.dtype}", where=str(path))
        tensors[ours] = tensor.astype(mx.float32)
        if not mx.isfinite(tensors[ours]).all().item():
            raise InputError(
                f"the tensor {theirs} holds NaN or infinity",
                where=str(path),
                todo="Take an earlier checkpoint; training has diverged.",
            )
    return tensors


def all_tensors(files: Iterable[Path]) -> dict[str, mx.array]:
    """Return all tensors of a model's files, as they are there.

    Raises:
        InputError: a file cannot be read.
    """
    return {name: tensor for path in files for name, tensor in _opened(path).items()}


def _opened(path: Path) -> dict[str, mx.array]:
    import mlx.core as mx

    try:
        return cast("dict[str, mx.array]", mx.load(str(path)))
    except RuntimeError as error:
        raise InputError(
            f"cannot read these weights: {error}",
            where=str(path),
            todo="Write them as float32, float16 or bfloat16.",
        ) from error


_PREFIXES: Final = ("", "bert.", "model.", "encoder_model.", "0.auto_model.")
_ANCHORS: Final[dict[Family, str]] = {
    "bert": "embeddings.word_embeddings.weight",
    "modernbert": "embeddings.tok_embeddings.weight",
    "t5": "encoder.final_layer_norm.weight",
}
#: The word embeddings, by the module's own name.
TABLE_NAMES: Final[dict[Family, str]] = {
    "bert": "base.embeddings.word_embeddings.weight",
    "modernbert": "base.embeddings.tok_embeddings.weight",
    "t5": "base.shared.weight",
}


@dataclass(frozen=True, slots=True)
class Source:
    """Parameters that come from one model's files: our name -> the files' name."""

    files: tuple[Path, ...]
    names: dict[str, str]


def sources(spec: EncoderSpec, parameters: Iterable[str]) -> list[Source]:
    """Return where each parameter of the module is to be found.

    Raises:
        InputError: there are no safetensors, or they cannot be read.
    """
    parameters = list(parameters)
    files = tuple(weight_files(spec.folder))
    present = {name for file in files for name in tensor_shapes(file)}
    prefix = next((p for p in _PREFIXES if p + _ANCHORS[spec.family] in present), "")
    base = {
        name: _present_name(prefix + name.removeprefix("base."), present)
        for name in parameters
        if name.startswith("base.")
    }
    found = [Source(files, base)]
    for index, projection in enumerate(spec.projections):
        start = f"projections.{index}."
        names = {n: n.removeprefix(start) for n in parameters if n.startswith(start)}
        path = spec.folder / projection.file
        own = files if path.parent == spec.folder else tuple(weight_files(path.parent, path.name))
        found.append(Source(own, names))
    return found


def _present_name(name: str, present: set[str]) -> str:
    if name in present:
        return name
    others = (
        name.replace("LayerNorm.weight", "LayerNorm.gamma"),
        name.replace("LayerNorm.bias", "LayerNorm.beta"),
        name.replace("shared.weight", "encoder.embed_tokens.weight"),
    )
    return next((other for other in others if other in present), name)


def save_encoder(spec: EncoderSpec, weights: Mapping[str, mx.array], folder: Path) -> None:
    """Write a new folder: the files that the spec was read from, with these weights.

    Each parameter is written to the file, under the name and with the precision that it was read
    from there; shards become one file. What else those files hold (a pooler, a decoder) stays as
    it is, but for further names of the word embeddings, which follow them.

    Args:
        spec: says where the original is.
        weights: all parameters of the module, by their names there.
        folder: must not exist.

    Raises:
        InputError: the folder exists already, or the original cannot be read any more.
        OSError: it cannot be written.
        RuntimeError: the weights cannot be written, as MLX says it.
    """
    if folder.exists():
        raise InputError("this folder exists already", where=str(folder), todo="Name another.")
    with replacing(folder) as unfinished:
        _copy_settings(spec.folder, unfinished)
        for place, tensors in _files(spec, weights).items():
            path = unfinished / place
            path.parent.mkdir(parents=True, exist_ok=True)
            mx.save_safetensors(str(path), tensors, metadata={"format": "pt"})


def _files(spec: EncoderSpec, weights: Mapping[str, mx.array]) -> dict[Path, Tensors]:
    """Return the content of each weights file, by its place in the folder."""
    table = TABLE_NAMES[spec.family]
    files: dict[Path, Tensors] = {}
    for source in sources(spec, weights):
        place = source.files[0].relative_to(spec.folder).parent / "model.safetensors"
        tensors = files.get(place) or all_tensors(source.files)
        new = {
            theirs: weights[ours].astype(tensors[theirs].dtype)
            for ours, theirs in source.names.items()
        }
        if table in source.names:
            name = source.names[table]
            new |= dict.fromkeys(_copies(tensors, name) - new.keys(), new[name])
        files[place] = tensors | new
    return files


def _copies(tensors: Tensors, name: str) -> set[str]:
    """Return the names of all tensors that are this one once more."""
    own = tensors[name]
    return {
        other
        for other, tensor in tensors.items()
        if (tensor.shape, tensor.dtype) == (own.shape, own.dtype)
        and mx.array_equal(tensor, own).item()
    }


def _copy_settings(source: Path, target: Path) -> None:
    """Copy what is neither weights nor hidden, two levels deep."""
    target.mkdir(parents=True)
    for path in sorted([*source.glob("*"), *source.glob("[0-9]_*/*")]):
        inside = path.relative_to(source)
        if path.is_file() and path.suffix in {".json", ".txt", ".model", ".metadata"}:
            if path.name.endswith(".index.json"):
                continue
            (target / inside).parent.mkdir(exist_ok=True)
            shutil.copyfile(path, target / inside)
