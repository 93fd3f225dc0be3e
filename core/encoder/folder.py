"""From a path or a hub id to a folder on this machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from core.errors import InputError
from core.given_path import given_path

#: No .bin, .pt or .py: what is pickled or a program is not even downloaded.
_WANTED: Final = (
    "*.safetensors",
    "*.safetensors.index.json",
    "*.json",
    "*.txt",
    "*.model",
    "artifact.metadata",
)
_HUB_ID: Final = re.compile(r"[\w.-]+/[\w.-]+")


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
            todo="Name the folder that holds config.json and model.safetensors.",
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
            "the hub has no such encoder, or it is closed to you",
            where=name,
            todo="Check the name; for a gated one set HF_TOKEN.",
        ) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise InputError(
            "this encoder is not on this machine, and the hub could not be reached",
            where=name,
            todo="Go online once (unset HF_HUB_OFFLINE), or name a local folder.",
        ) from error
