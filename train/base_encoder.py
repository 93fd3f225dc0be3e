"""The encoder that a run starts from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.encoder import load_encoder, offline_encoder_folder

if TYPE_CHECKING:
    from pathlib import Path

    from core.encoder.encoder import Encoder
    from train.run_config import RunConfig

OFFLINE: Final = "offline"


def base_folder(config: RunConfig) -> Path | str:
    """Return the folder or the hub id that ``base`` names."""
    return offline_encoder_folder() if config.base == OFFLINE else config.base


def load_base(config: RunConfig) -> Encoder:
    """Load it, with the lengths of the run.

    Raises:
        InputError: it is absent or cannot be read.
        UnavailableError: MLX does not run on this machine.
    """
    return load_encoder(
        base_folder(config),
        query_length=config.query_length,
        document_length=config.document_length,
    )
