"""A fast BLAS under MLX on Linux.

The CPU wheel of MLX is linked with the reference BLAS. Symbols of a library that is loaded with
``RTLD_GLOBAL`` before ``mlx.core`` come first, so OpenBLAS or MKL takes its place: matrix products
run about 30 times faster. An installed one is preferred; without one, the OpenBLAS inside SciPy's
wheel serves (``scipy_blas``).

An OpenBLAS that is older than the processor does not recognise it and takes its kernels of 2004:
five to seven times slower. So the kernels are chosen here, by the processor's flags.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.encoder.scipy_blas import PREFIX, load_scipy_blas
from core.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

_INSTALLED: Final = ("libopenblas.so.0", "libopenblas.so", "libmkl_rt.so.2", "libmkl_rt.so")
_THREAD_COUNTS: Final = (
    ("openblas_get_num_threads", "openblas_set_num_threads"),
    (f"{PREFIX}openblas_get_num_threads", f"{PREFIX}openblas_set_num_threads"),
    ("MKL_Get_Max_Threads", "MKL_Set_Num_Threads"),
)
_CORE_NAMES: Final = ("openblas_get_corename", f"{PREFIX}openblas_get_corename")
_CORE_VARIABLE: Final = "OPENBLAS_CORETYPE"
#: OpenBLAS's names of the kernels for a processor, and the flags of Linux that these need.
_CORES: Final = (
    ("SkylakeX", frozenset({"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"})),
    ("Haswell", frozenset({"avx2", "fma"})),
)
_GIGA: Final = 1e9


@dataclass(frozen=True, slots=True)
class Blas:
    """The library that MLX multiplies matrices with.

    Args:
        name: ``Accelerate``, ``OpenBLAS of SciPy``, the file name of an installed library,
            ``reference``, or ``none`` where there is no MLX.
        fast: False for the reference BLAS, also where MLX was imported before a faster one.
        advice: what to do about it; empty when it is fast.
        core: the processor whose kernels OpenBLAS took, in its own words; empty for others.
    """

    name: str
    fast: bool
    advice: str = ""
    core: str = ""


def load_blas() -> Blas:
    """Load a fast BLAS, once per process, and describe it. Call it before importing ``mlx.core``.

    Later calls in the process return the first answer.
    """
    return _load()[0]


def slowness() -> str:
    """Return a warning for the start of long work if matrix products are slow here, else empty."""
    blas = load_blas()
    if blas.fast:
        return ""
    return (
        "Matrix products run on MLX's reference BLAS here, about 30 times slower than on OpenBLAS:"
        f" expect hours instead of minutes. {blas.advice}"
    )


def measure_gflops(seconds: float = 0.1) -> float:
    """Return the best speed of MLX's matrix products, in GFLOP/s, on one core or on the GPU.

    The size is that of a linear layer in a small encoder. Call it on MLX's thread.

    Args:
        seconds: how long to measure; one product of the reference BLAS takes about as long.
    """
    import mlx.core as mx

    size = 384
    a, b = mx.ones((size, size)), mx.ones((size, size))
    mx.eval(a, b)
    best, end = float("inf"), time.perf_counter() + seconds
    with one_blas_thread():
        while (began := time.perf_counter()) < end:
            mx.eval(a @ b)
            best = min(best, time.perf_counter() - began)
    return 2 * size**3 / best / _GIGA


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let every caller of the BLAS compute on its own thread alone while the block lasts.

    For work that keeps all cores busy by itself: threads inside each product would only wait for
    one another. Libraries whose number of threads cannot be set are left alone.
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
    if sys.platform != "linux" or find_spec("mlx") is None:
        return Blas("Accelerate" if sys.platform == "darwin" else "none", fast=True), None
    if "mlx.core" in sys.modules:
        late = "MLX was imported before OpenBLAS was loaded."
        return Blas("reference", fast=False, advice=late), None
    with _chosen_kernels():
        for name in _INSTALLED:
            try:
                library = ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
            except OSError:
                continue
            if hasattr(library, "cblas_sgemm"):
                return Blas(name, fast=True, core=_core(library)), library
        try:
            library = load_scipy_blas()
        except UnavailableError as error:
            return Blas("reference", fast=False, advice=str(error)), None
    return Blas("OpenBLAS of SciPy", fast=True, core=_core(library)), library


@contextmanager
def _chosen_kernels() -> Iterator[None]:
    """Choose the kernels of an OpenBLAS that is loaded in the block, unless the user did."""
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
    """Return OpenBLAS's best kernels for a processor with these flags; empty if none is known."""
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
    for name in _CORE_NAMES:
        if hasattr(library, name):
            function = library[name]
            function.restype = ctypes.c_char_p
            return str(function(), "ascii", "replace")
    return ""
