"""Reads safetensors, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from core.encoder.json_files import read_object
from core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import mlx.core as mx

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
