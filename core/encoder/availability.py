"""MLX, or why there is none."""

from __future__ import annotations

import os
import platform
import sys
from typing import Final

from core.encoder.blas import load_blas
from core.errors import UnavailableError

#: MLX orders the steps of an eval level by level while no level has more of them than this, 20
#: unless told, and else branch by branch. It has ten at work at a time, which would then all be of
#: one lane while the others are idle.
_WIDTH_VARIABLE: Final = "MLX_BFS_MAX_WIDTH"
_WIDTH: Final = "1000"


def require_mlx() -> None:
    """Import MLX with a fast BLAS under it, and have it keep several lanes at work.

    Raises:
        UnavailableError: MLX is not installed, has no wheel for this machine, or does not load.
    """
    load_blas()
    if sys.platform == "linux":
        os.environ.setdefault(_WIDTH_VARIABLE, _WIDTH)
    try:
        import mlx.core  # noqa: F401
    except ImportError as error:
        machine = f"{sys.platform} {platform.machine()}"
        raise UnavailableError(
            f"encoding needs MLX, which does not load on this machine ({machine}): {error}",
            todo="MLX has wheels for macOS on arm64 and for Linux on x86_64 and aarch64:"
            " pip install 'mlx[cpu]', on a Mac pip install mlx.",
        ) from error
