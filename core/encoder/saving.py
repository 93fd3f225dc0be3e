"""An encoder's folder with other weights in it: what loads the original loads this."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import mlx.core as mx

from core.encoder.naming import TABLE_NAMES, sources
from core.encoder.weights import all_tensors
from core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from core.encoder.spec import EncoderSpec

    Tensors = dict[str, mx.array]


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
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    _copy_settings(spec.folder, unfinished)
    for place, tensors in _files(spec, weights).items():
        path = unfinished / place
        path.parent.mkdir(parents=True, exist_ok=True)
        mx.save_safetensors(str(path), tensors, metadata={"format": "pt"})
    unfinished.rename(folder)


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
