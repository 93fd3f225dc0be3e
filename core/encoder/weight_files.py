"""The safetensors files of a model and their headers, read without MLX."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.encoder.json_files import read_object
from core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

Shape = tuple[int, ...]
_PICKLED: Final = ("*.bin", "*.pt", "*.pth", "*.ckpt")


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
        return [_existing(folder / shard) for shard in shards]
    return [_existing(single)]


def tensor_shapes(path: Path) -> dict[str, Shape]:
    """Return the name and shape of each tensor of a file, from its header.

    Raises:
        InputError: the file is not a safetensors file, or it is cut short.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            names = file.keys()
            return {name: tuple(file.get_slice(name).get_shape()) for name in names}
    except (SafetensorError, OSError) as error:
        raise InputError(f"cannot read these weights: {error}", where=str(path)) from error


def _existing(path: Path) -> Path:
    if path.is_file():
        return path
    pickled = [found.name for kind in _PICKLED for found in path.parent.glob(kind)]
    if pickled:
        raise InputError(
            f"the weights are pickled ({pickled[0]}), and only safetensors are read",
            where=str(path.parent),
            todo="If you trust them, convert them: load the state dict with PyTorch and write it"
            f" with safetensors.torch.save_file as {path.name}.",
        )
    raise InputError(
        f"there is no {path.name}",
        where=str(path.parent),
        todo="Only safetensors are read. Convert a projection that exists only as"
        " pytorch_model.bin, or remove its module from modules.json.",
    )
