"""The encoder that a run starts from: ``base`` in its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.encoder import load_encoder, offline_encoder_folder
from core.encoder.location import encoder_folder
from core.workspace import given_path
from train.config import OFFLINE

if TYPE_CHECKING:
    from pathlib import Path

    from core.encoder.encoder import Encoder
    from train.config import RunConfig


def base_folder(base: str) -> Path:
    """Return the folder of a base, downloading a hub id that is not in the cache.

    Raises:
        UnavailableError: it is the offline encoder, and that is not installed.
        InputError: there is no such folder or hub id.
    """
    return offline_encoder_folder() if base == OFFLINE else encoder_folder(base)


def absolute_base(base: str) -> str:
    """Return a base that is a folder by its absolute path; others as they are."""
    folder = given_path(base)
    return str(folder.absolute()) if base != OFFLINE and folder.is_dir() else base


def load_base(config: RunConfig) -> Encoder:
    """Load the base of a run, with the run's lengths.

    Raises:
        InputError: it is absent or cannot be read.
        UnavailableError: MLX does not run on this machine.
    """
    return load_encoder(
        base_folder(config.base),
        query_length=config.query_length,
        document_length=config.document_length,
    )
