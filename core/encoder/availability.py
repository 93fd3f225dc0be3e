"""MLX, or why there is none."""

from __future__ import annotations

import platform
import sys

from core.encoder.blas import load_blas
from core.errors import UnavailableError


def require_mlx() -> None:
    """Import MLX with a fast BLAS under it.

    Raises:
        UnavailableError: MLX is not installed, has no wheel for this machine, or does not load.
    """
    load_blas()
    try:
        import mlx.core  # noqa: F401
    except ImportError as error:
        machine = f"{sys.platform} {platform.machine()}"
        raise UnavailableError(
            f"encoding needs MLX, which does not load on this machine ({machine}): {error}",
            todo="MLX has wheels for macOS on arm64 and for Linux on x86_64 and aarch64:"
            " pip install 'mlx[cpu]', on a Mac pip install mlx.",
        ) from error
