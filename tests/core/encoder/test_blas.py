"""MLX gets a fast BLAS: an installed one, or SciPy's through a bridge that is built once."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from core.encoder import blas, scipy_blas
from core.errors import UnavailableError
from tests.core.encoder.fixture_encoders import skip_without_mlx

skip_without_mlx()

HOUSE = Path(__file__).parents[3]


def scipy_has_an_openblas() -> bool:
    try:
        return sys.platform == "linux" and scipy_blas._openblas_of_scipy().is_file()
    except UnavailableError:
        return False


with_scipy_blas = pytest.mark.skipif(
    not scipy_has_an_openblas(), reason="SciPy brings no OpenBLAS here"
)
COMPUTE = """
import ctypes
from core.encoder.scipy_blas import load_scipy_blas

load_scipy_blas()
import mlx.core as mx
import numpy as np

def compare(found, wanted):
    np.testing.assert_allclose(np.array(found), wanted, rtol=1e-3, atol=1e-3)

mx.set_default_device(mx.cpu)
random = np.random.default_rng(2)
a, b = random.normal(size=(70, 50)).astype("f"), random.normal(size=(50, 90)).astype("f")
square = a.T @ a / 50
compare(mx.array(a) @ mx.array(b), a @ b)
compare(mx.array(a + 1j * a) @ mx.array(b - 2j * b), (a + 1j * a) @ (b - 2j * b))
compare(mx.linalg.inv(mx.array(square)), np.linalg.inv(square))
compare(mx.linalg.svd(mx.array(a))[1], np.linalg.svd(a)[1])
compare(mx.linalg.eigvalsh(mx.array(square)), np.linalg.eigvalsh(square))
compare(mx.linalg.cholesky(mx.array(square)), np.linalg.cholesky(square))

address = ctypes.cast(ctypes.CDLL(None).cblas_sgemm, ctypes.c_void_p).value
for line in open("/proc/self/maps"):
    first, last = (int(end, 16) for end in line.split()[0].split("-"))
    if first <= address < last:
        print(line.split()[-1])
"""


def run(program: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=HOUSE,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return scipy_blas.cache_folder()


@with_scipy_blas
def test_mlx_computes_with_the_openblas_of_scipy(cache: Path) -> None:
    bridge = run(COMPUTE, XDG_CACHE_HOME=str(cache.parents[1]))
    assert [str(path) for path in cache.iterdir()] == [bridge]


@with_scipy_blas
def test_a_bridge_is_built_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scipy_blas.load_scipy_blas()
    monkeypatch.setattr(scipy_blas, "_build", lambda *_: pytest.fail("built a second time"))
    scipy_blas.load_scipy_blas()


@with_scipy_blas
def test_a_damaged_bridge_is_replaced(cache: Path) -> None:
    scipy_blas.load_scipy_blas()
    (bridge,) = cache.iterdir()
    whole = bridge.read_bytes()
    bridge.unlink()  # it is mapped into this process, so it must not be changed in place
    bridge.write_bytes(whole[:5000])
    scipy_blas.load_scipy_blas()
    assert [path.read_bytes() for path in cache.iterdir()] == [whole]


@with_scipy_blas
def test_another_scipy_gets_another_bridge(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scipy_blas.load_scipy_blas()
    monkeypatch.setattr(scipy_blas, "_source", lambda _: "\t.text\n")
    assert (
        scipy_blas._cached(scipy_blas._key(scipy_blas._openblas_of_scipy(), scipy_blas._libmlx()))
        is None
    )


@with_scipy_blas
def test_without_a_cache_folder_the_bridge_is_built_for_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert hasattr(scipy_blas.load_scipy_blas(), "scipy_cblas_sgemm")

    def homeless() -> Path:
        raise RuntimeError

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", homeless)
    assert hasattr(scipy_blas.load_scipy_blas(), "scipy_cblas_sgemm")


@with_scipy_blas
def test_without_a_compiler_the_message_says_what_to_install(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(cache))
    with pytest.raises(UnavailableError, match="C compiler") as caught:
        scipy_blas.load_scipy_blas()
    assert "Debian and Ubuntu g++" in caught.value.todo


@with_scipy_blas
def test_without_room_for_the_bridge_the_message_says_what_to_install(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(cache / "absent"))
    with pytest.raises(UnavailableError, match="cannot be linked") as caught:
        scipy_blas.load_scipy_blas()
    assert "libopenblas0-pthread" in caught.value.todo


@with_scipy_blas
def test_a_compiler_that_fails_is_quoted(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = tmp_path / "cc"
    compiler.write_text("#!/bin/sh\necho 'cannot find ld' >&2\nexit 1\n")
    compiler.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(UnavailableError, match="cannot find ld") as caught:
        scipy_blas.load_scipy_blas()
    assert "libopenblas0-pthread" in caught.value.todo


def test_the_blas_is_fast_or_comes_with_advice() -> None:
    found = blas.load_blas()
    assert found == blas.load_blas()
    assert found.fast is not bool(found.advice)
    assert bool(blas.slowness()) is not found.fast


def test_a_blas_uses_one_thread_in_the_block_and_as_many_as_before_after_it() -> None:
    library = blas._load()[1]
    if library is None:
        pytest.skip("no BLAS was loaded here")
    (count,) = [getattr(library, get) for get, _ in blas._THREAD_COUNTS if hasattr(library, get)]
    before = count()
    with blas.one_blas_thread():
        assert count() == 1
    assert count() == before


def test_the_speed_of_products_is_measured() -> None:
    assert blas.measure_gflops(0.01) > 0


@pytest.mark.parametrize(
    ("flags", "core"),
    [
        ("fma avx avx2 avx512f avx512cd avx512bw avx512dq avx512vl avx512_bf16", "SkylakeX"),
        ("fma avx avx2 avx512f avx512cd", "Haswell"),
        ("fma avx avx2", "Haswell"),
        ("avx sse4_2", ""),
        ("", ""),
    ],
)
def test_openblas_gets_the_best_kernels_that_the_processor_runs(flags: str, core: str) -> None:
    assert blas.best_core(frozenset(flags.split())) == core


@pytest.mark.skipif(
    not blas.load_blas().core or platform.machine() != "x86_64", reason="no OpenBLAS for x86-64"
)
def test_kernels_that_the_user_chose_stand() -> None:
    program = "from core.encoder.blas import load_blas; print(load_blas().core)"
    assert run(program, OPENBLAS_CORETYPE="Nehalem") == "Nehalem"
