"""Encoders: text in, one L2-normalised vector per token out, or one per text.

Importing this package imports neither MLX nor a tokenizer library: loading an encoder does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.encoder.folder import read_spec
from core.encoder.location import encoder_folder, offline_encoder_folder
from core.encoder.mlx_runtime import on_mlx_thread, require_mlx
from core.encoder.spec import EncoderSpec, Projection

if TYPE_CHECKING:
    from pathlib import Path

    from core.encoder.encoder import Encoder

__all__ = ["EncoderSpec", "Projection", "load_encoder", "offline_encoder_folder"]


def load_encoder(
    path_or_id: str | Path,
    *,
    query_length: int | None = None,
    document_length: int | None = None,
) -> Encoder:
    """Load an encoder from a folder or from the hub.

    Args:
        path_or_id: a folder, or a hub id ``owner/name``.
        query_length: tokens kept of a query, instead of the folder's own; at least 4.
        document_length: tokens kept of a document, instead of the folder's own; at least 4.

    Raises:
        InputError: the folder, a file in it or a tensor is missing or malformed.
        UnavailableError: MLX does not run on this machine.
    """
    folder = encoder_folder(path_or_id)
    spec = read_spec(folder, query_length=query_length, document_length=document_length)
    require_mlx()
    from core.encoder.encoder import build_encoder

    return on_mlx_thread(lambda: build_encoder(spec))
