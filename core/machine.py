"""What this machine has and lacks: the checks behind ``rejudge doctor``."""

from __future__ import annotations

import platform
import shutil
import sys
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from typing import TYPE_CHECKING

from core.errors import RejudgeError, UnavailableError
from core.store import DATABASE_NAME, Store

if TYPE_CHECKING:
    from core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. ``needed`` tells whether rejudge cannot do without it."""

    name: str
    good: bool
    found: str
    todo: str = ""
    needed: bool = True


def mlx_missing_because() -> str:
    """Return why MLX cannot be used here; empty when it can."""
    if find_spec("mlx") is not None and find_spec("mlx.core") is not None:
        return ""
    system, processor = platform.system(), platform.machine()
    if (system, processor) in {
        ("Darwin", "arm64"),
        ("Linux", "x86_64"),
        ("Linux", "aarch64"),
    }:
        return "MLX is not installed; install rejudge again, it brings MLX on this machine"
    return (
        f"there is no MLX for {system} on {processor}; it runs on Apple silicon and on Linux."
        " Everything but encoding and training works without it"
    )


def require_mlx(purpose: str) -> None:
    """Raise UnavailableError, saying why, when MLX cannot be used here.

    Args:
        purpose: what needs it, for the message: ``encoding`` or ``training``.
    """
    reason = mlx_missing_because()
    if reason:
        raise UnavailableError(
            f"{purpose} needs MLX: {reason}", todo="See what this machine has: rejudge doctor"
        )


def examine(workspace: Workspace) -> tuple[Check, ...]:
    """Look at everything once and return what was found, nothing raised."""
    return (_python(), _duckdb(), _mlx(), _compiler(), _workspace(workspace))


def _python() -> Check:
    return Check("python", True, f"{platform.python_version()} at {sys.executable}")


def _duckdb() -> Check:
    return Check("duckdb", True, metadata.version("duckdb"))


def _mlx() -> Check:
    reason = mlx_missing_because()
    if reason:
        return Check("mlx", False, "not here", f"{reason}.", needed=False)
    return Check("mlx", True, metadata.version("mlx"), needed=False)


def _compiler() -> Check:
    found = shutil.which("g++") or shutil.which("c++") or shutil.which("clang++")
    if found:
        return Check("compiler", True, found, needed=False)
    return Check(
        "compiler",
        False,
        "no C++ compiler",
        "MLX on Linux compiles fused operations with g++; without it encoding is slower.",
        needed=False,
    )


def _workspace(workspace: Workspace) -> Check:
    place = str(workspace.folder)
    if not workspace.exists:
        return Check("workspace", False, f"none at {place}", "rejudge init", needed=False)
    try:
        with Store.open(workspace.folder) as store:
            (events,) = store.read("SELECT count(*) FROM db.label_events")[0]
    except RejudgeError as error:
        return Check("workspace", False, error.headline, error.todo)
    return Check("workspace", True, f"{workspace.folder / DATABASE_NAME}, {events:,} label events")
