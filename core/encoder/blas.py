"""A fast BLAS under MLX on Linux.

The CPU wheel of MLX is linked with the reference BLAS. Symbols of a library that is loaded with
``RTLD_GLOBAL`` before ``mlx.core`` come first, so OpenBLAS or MKL takes its place: matrix products
run about 30 times faster. The OpenBLAS inside the wheels of NumPy and SciPy does not serve: its
symbols carry a prefix and a suffix (``scipy_cblas_sgemm64_``).
"""

from __future__ import annotations

import ctypes
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_CANDIDATES: Final = ("libopenblas.so.0", "libopenblas.so", "libmkl_rt.so.2", "libmkl_rt.so")
_THREAD_COUNTS: Final = (
    ("openblas_get_num_threads", "openblas_set_num_threads"),
    ("MKL_Get_Max_Threads", "MKL_Set_Num_Threads"),
)
HOW_TO_GET_IT: Final = (
    "Install OpenBLAS: Debian and Ubuntu libopenblas0-pthread, Fedora openblas-threads,"
    " Arch blas-openblas."
)


@dataclass(frozen=True, slots=True)
class Blas:
    """What MLX multiplies matrices with.

    Args:
        name: ``Accelerate``, the file name of the loaded library, or ``reference``.
        fast: False when it is the reference BLAS, or when MLX was imported before the faster one.
        advice: what to do about it, empty when it is fast.
    """

    name: str
    fast: bool
    advice: str = ""


def load_blas() -> Blas:
    """Load a fast BLAS, once per process, and say which. Call it before ``mlx.core`` is imported.

    The answer for the rest of the process is the first one.
    """
    return _load()[0]


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let each caller of the BLAS compute alone, for as long as the block lasts.

    For work that keeps every core busy by itself: threads inside each product would only wait for
    one another. Nothing happens where the library cannot be told.
    """
    library = _load()[1]
    for get, put in _THREAD_COUNTS:
        if library is not None and hasattr(library, get) and hasattr(library, put):
            before = int(getattr(library, get)())
            getattr(library, put)(1)
            try:
                yield
            finally:
                getattr(library, put)(before)
            return
    yield


@cache
def _load() -> tuple[Blas, ctypes.CDLL | None]:
    if sys.platform != "linux":
        return Blas("Accelerate" if sys.platform == "darwin" else "none", fast=True), None
    if "mlx.core" in sys.modules:
        late = "MLX was imported before OpenBLAS was loaded."
        return Blas("reference", fast=False, advice=late), None
    for name in _CANDIDATES:
        try:
            library = ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
        except OSError:
            continue
        if hasattr(library, "cblas_sgemm"):
            return Blas(name, fast=True), library
    return Blas("reference", fast=False, advice=HOW_TO_GET_IT), None
