"""A fast BLAS under MLX on Linux.

The CPU wheel of MLX is linked with the reference BLAS. Symbols of a library that is loaded with
``RTLD_GLOBAL`` before ``mlx.core`` come first, so OpenBLAS or MKL takes its place: matrix products
run about 30 times faster. The OpenBLAS inside the wheels of NumPy and SciPy does not serve: its
symbols carry a prefix and a suffix (``scipy_cblas_sgemm64_``).

An OpenBLAS that is older than the processor does not recognise it and takes its kernels of 2004:
five to seven times slower. So it is told what to take, by what the processor says it can do.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_CANDIDATES: Final = ("libopenblas.so.0", "libopenblas.so", "libmkl_rt.so.2", "libmkl_rt.so")
_THREAD_COUNTS: Final = (
    ("openblas_get_num_threads", "openblas_set_num_threads"),
    ("MKL_Get_Max_Threads", "MKL_Set_Num_Threads"),
)
_CORE_VARIABLE: Final = "OPENBLAS_CORETYPE"
#: What OpenBLAS calls the kernels for a processor, and the flags of Linux that these need.
_CORES: Final = (
    ("SkylakeX", frozenset({"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"})),
    ("Haswell", frozenset({"avx2", "fma"})),
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
        core: the processor whose kernels OpenBLAS took, in its own words; empty for others.
    """

    name: str
    fast: bool
    advice: str = ""
    core: str = ""


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
            with _named_core():
                library = ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
        except OSError:
            continue
        if hasattr(library, "cblas_sgemm"):
            return Blas(name, fast=True, core=_core(library)), library
    return Blas("reference", fast=False, advice=HOW_TO_GET_IT), None


@contextmanager
def _named_core() -> Iterator[None]:
    """Name the processor to an OpenBLAS that is loaded in the block, unless the person did."""
    core = best_core(_cpu_flags())
    if not core or _CORE_VARIABLE in os.environ:
        yield
        return
    os.environ[_CORE_VARIABLE] = core
    try:
        yield
    finally:
        del os.environ[_CORE_VARIABLE]


def best_core(flags: frozenset[str]) -> str:
    """Return the best of OpenBLAS's kernels that a processor with these flags runs; else empty."""
    return next((core for core, needed in _CORES if needed <= flags), "")


def _cpu_flags() -> frozenset[str]:
    if platform.machine() != "x86_64":
        return frozenset()
    try:
        lines = Path("/proc/cpuinfo").read_text("ascii", "replace").splitlines()
    except OSError:
        return frozenset()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return frozenset(flags.partition(":")[2].split())


def _core(library: ctypes.CDLL) -> str:
    if not hasattr(library, "openblas_get_corename"):
        return ""
    library.openblas_get_corename.restype = ctypes.c_char_p
    return str(library.openblas_get_corename(), "ascii", "replace")
