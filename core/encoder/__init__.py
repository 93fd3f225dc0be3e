"""Encoders: text in, one L2-normalised vector per token out (or one per text).

``load_encoder`` reads a folder or a hub id. Nothing here imports MLX or transformers before it is
asked to load or to encode.
"""

from __future__ import annotations

from core.encoder.folder import offline_encoder_folder
from core.encoder.loading import load_encoder
from core.encoder.spec import EncoderSpec, Projection

__all__ = ["EncoderSpec", "Projection", "load_encoder", "offline_encoder_folder"]
