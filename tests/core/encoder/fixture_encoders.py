"""The tiny encoders of ``fixtures``, loaded once; the tests are skipped where MLX does not run."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from core.encoder import load_encoder
from core.encoder.mlx_runtime import require_mlx
from core.errors import UnavailableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.encoder.encoder import Encoder

FIXTURES = Path(__file__).parent / "fixtures"
NAMES = ("colbert", "pylate", "t5_merged", "t5_projected", "sentence")
ALL_NAMES = (*NAMES, "distilbert", "mpnet", "roberta", "qwen3")
_TEXTS = json.loads((FIXTURES / "texts.json").read_text(encoding="utf-8"))
QUERIES: list[str] = _TEXTS["queries"]
DOCUMENTS: list[str] = _TEXTS["documents"]


def skip_without_mlx() -> None:
    """Skip the whole module, saying why, where MLX has no wheel."""
    try:
        require_mlx()
    except UnavailableError as error:
        pytest.skip(str(error), allow_module_level=True)


@cache
def encoder(name: str) -> Encoder:
    return load_encoder(FIXTURES / name)


@cache
def expected(name: str) -> dict[str, NDArray[np.float32]]:
    with np.load(FIXTURES / name / "expected.npz") as arrays:
        return dict(arrays)
