"""SciPy's OpenBLAS under the names that MLX calls.

SciPy's wheel carries an OpenBLAS with 32-bit integers whose symbols have a prefix
(``scipy_cblas_sgemm``). A small shared library defines the plain names as jumps to the prefixed
ones, for exactly the symbols that ``libmlx.so`` leaves undefined. It is built once with the C
compiler and kept in the user's cache folder.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from core.errors import UnavailableError
from core.files import replacing

PREFIX: Final = "scipy_"
OPENBLAS_PACKAGES: Final = (
    "Debian and Ubuntu libopenblas0-pthread, Fedora openblas-threads, Arch blas-openblas"
)
_INSTALL_COMPILER: Final = (
    "Install a C++ compiler (Debian and Ubuntu g++, Fedora gcc-c++, Arch gcc)"
    f" or OpenBLAS ({OPENBLAS_PACKAGES})."
)
_INSTALL_OPENBLAS: Final = f"Install OpenBLAS: {OPENBLAS_PACKAGES}."
_COMPILERS: Final = ("cc", "gcc", "g++", "clang")
_JUMPS: Final = {"x86_64": "jmp", "aarch64": "b"}
_TIMEOUT: Final = 60


def load_scipy_blas() -> ctypes.CDLL:
    """Load SciPy's OpenBLAS so that a later import of MLX binds to it, and return the library.

    Raises:
        UnavailableError: SciPy has no such OpenBLAS here, or the names cannot be built.
    """
    openblas, libmlx = _openblas_of_scipy(), _libmlx()
    # The bridge refers to OpenBLAS by its soname, so it has to be loaded first.
    try:
        library = ctypes.CDLL(str(openblas))
    except OSError as error:
        raise _unusable(f"SciPy's OpenBLAS does not load ({error})") from error
    if not hasattr(library, f"{PREFIX}cblas_sgemm") or _has_64_bit_integers(library):
        raise _unusable(f"{openblas.name} of SciPy is not an OpenBLAS with 32-bit integers")
    try:
        _load_bridge(openblas, libmlx)
    except OSError as error:
        raise _unusable(f"SciPy's OpenBLAS cannot be linked to MLX ({error})") from error
    return library


def cache_folder() -> Path:
    """Return the folder where built bridges are kept."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not base.is_absolute():
        try:
            base = Path.home() / ".cache"
        except RuntimeError:
            base = Path(os.devnull)  # without a home nothing is kept: no folder can be made here
    return base / "rejudge" / "blas"


def _openblas_of_scipy() -> Path:
    scipy = find_spec("scipy")
    if scipy is not None and scipy.origin is not None:
        libraries = Path(scipy.origin).parents[1] / "scipy.libs"
        found = sorted(libraries.glob("libscipy_openblas-*.so"))
        if found:
            return found[0]
    raise _unusable("SciPy was installed without an OpenBLAS of its own")


def _libmlx() -> Path:
    mlx = find_spec("mlx")
    for folder in (mlx and mlx.submodule_search_locations) or ():
        path = Path(folder, "lib", "libmlx.so")
        if path.is_file():
            return path
    raise _unusable("MLX was installed without libmlx.so")


def _has_64_bit_integers(library: ctypes.CDLL) -> bool:
    config = library[f"{PREFIX}openblas_get_config"]
    config.restype = ctypes.c_char_p
    return b"USE64BITINT" in config()


def _load_bridge(openblas: Path, libmlx: Path) -> None:
    """Load the bridge from the cache; build it if it is absent or damaged."""
    key = _key(openblas, libmlx)
    cached = _cached(key)
    if cached is not None and _loads(cached):
        return
    with tempfile.TemporaryDirectory(prefix="rejudge-blas-") as folder:
        built = _build(openblas, libmlx, Path(folder))
        if not _loads(_keep(built, key) or built):
            raise _unusable("the library that refers to SciPy's OpenBLAS does not load")


def _key(openblas: Path, libmlx: Path) -> str:
    """Return the hash of all that the content of the bridge depends on."""
    parts = [_source(["symbol"])]
    for path in (openblas, libmlx):
        status = path.stat()
        parts += [str(path), str(status.st_size), str(status.st_mtime_ns)]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _cached(key: str) -> Path | None:
    """Return the bridge of this key whose content has the digest that its name states.

    The loader checks nothing: a file that was cut short would crash the process.
    """
    for path in cache_folder().glob(f"{key}-*.so"):
        if path.stem == f"{key}-{_digest(path)}":
            return path
    return None


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _loads(path: Path) -> bool:
    try:
        return hasattr(ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL), "cblas_sgemm")
    except OSError:
        return False


def _keep(built: Path, key: str) -> Path | None:
    """Put the bridge into the cache; where that cannot be written, every process builds its own."""
    folder = cache_folder()
    kept = folder / f"{key}-{_digest(built)}.so"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for damaged in folder.glob(f"{key}-*.so"):
            damaged.unlink(missing_ok=True)
        with replacing(kept) as beside:
            shutil.copyfile(built, beside)
    except OSError:
        return None
    return kept


def _build(openblas: Path, libmlx: Path, folder: Path) -> Path:
    compiler = next(filter(None, map(shutil.which, _COMPILERS)), None)
    if compiler is None or shutil.which("nm") is None:
        raise UnavailableError(
            "MLX's fast matrix products need a C compiler once", todo=_INSTALL_COMPILER
        )
    offered = _symbols(openblas, "--defined-only")
    names = [name for name in _symbols(libmlx, "--undefined-only") if PREFIX + name in offered]
    source, built = folder / "bridge.s", folder / "bridge.so"
    source.write_text(_source(sorted(names)), encoding="ascii")
    _run(compiler, "-shared", "-nostdlib", "-o", str(built), str(source), str(openblas))
    return built


def _symbols(library: Path, which: str) -> set[str]:
    listed = _run("nm", "-D", which, "--format=posix", str(library))
    return {line.split()[0].partition("@")[0] for line in listed.splitlines() if line.strip()}


def _source(names: list[str]) -> str:
    """Return assembler text that defines each name as a jump to its prefixed namesake.

    A jump leaves all arguments where they are, so no signature has to be known.
    """
    machine = platform.machine()
    if machine not in _JUMPS:
        raise _unusable(f"SciPy's OpenBLAS is not used on {machine}")
    target = f"{PREFIX}{{0}}@PLT" if machine == "x86_64" else f"{PREFIX}{{0}}"
    stub = f".globl {{0}}\n.type {{0}}, %function\n{{0}}:\n\t{_JUMPS[machine]} {target}\n"
    stubs = "".join(stub.format(name) for name in names)
    # Without this note the loader would make the stack executable, or refuse.
    return f'.text\n{stubs}.section .note.GNU-stack,"",%progbits\n'


def _run(*command: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - the compiler and nm, with paths of installed packages
            command, check=True, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT
        )
    except subprocess.CalledProcessError as error:
        complaint = next(iter(error.stderr.strip().splitlines()), f"status {error.returncode}")
        raise _unusable(f"{Path(command[0]).name} failed: {complaint}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _unusable(f"{Path(command[0]).name} failed: {error}") from error
    return done.stdout


def _unusable(why: str) -> UnavailableError:
    return UnavailableError(why, todo=_INSTALL_OPENBLAS)
