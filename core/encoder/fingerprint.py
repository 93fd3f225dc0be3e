"""The hash that says whether two encoders give the same vectors."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_NAMES: Final = {
    "added_tokens.json",
    "artifact.metadata",
    "config.json",
    "config_sentence_transformers.json",
    "merges.txt",
    "modules.json",
    "sentence_bert_config.json",
    "sentencepiece.bpe.model",
    "special_tokens_map.json",
    "spiece.model",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
}


def checkpoint_hash(folder: Path, subfolders: Iterable[str] = (), settings: str = "") -> str:
    """Return the hex SHA-256 over the weights, configuration and tokenizer of an encoder.

    Args:
        folder: the encoder's folder.
        subfolders: the folders of its modules, relative to it.
        settings: what was set by hand and changes the vectors.
    """
    folders = [folder, *(folder / name for name in sorted(set(subfolders)) if name)]
    files = {
        path.relative_to(folder).as_posix(): path
        for place in folders
        if place.is_dir()
        for path in place.iterdir()
        if path.is_file() and (path.suffix == ".safetensors" or path.name in _NAMES)
    }
    lines = [f"{file_hash(path)} {name}\n" for name, path in sorted(files.items())]
    return hashlib.sha256("".join([*lines, settings]).encode()).hexdigest()


def file_hash(path: Path) -> str:
    """Return the hex SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
