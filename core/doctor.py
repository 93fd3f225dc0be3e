"""The checks behind ``rejudge doctor``: this machine, the installation, the workspace."""

from __future__ import annotations

import platform
import shutil
import sys
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Final

from core.encoder.blas import load_blas, measure_gflops
from core.encoder.location import offline_encoder_folder
from core.encoder.mlx_runtime import on_mlx_thread, require_mlx
from core.errors import RejudgeError, UnavailableError
from core.store.backups import backups
from core.store.database import DATABASE_NAME
from core.store.opening import open_workspace_store
from core.store.recovery import Health, examine_store

if TYPE_CHECKING:
    from core.workspace import Workspace


_RESTORE: Final = "rejudge doctor --restore"


@dataclass(frozen=True, slots=True)
class Check:
    """The result of a check.

    Attributes:
        name: what was checked.
        good: whether it passed.
        found: what was found.
        todo: what to do about it; empty if nothing.
        needed: whether rejudge cannot work without it.
    """

    name: str
    good: bool
    found: str
    todo: str = ""
    needed: bool = True


def examine(workspace: Workspace) -> tuple[Check, ...]:
    """Run all checks; what they find is returned, never raised."""
    return (
        _python(),
        _duckdb(),
        _mlx(),
        _blas(),
        _compiler(),
        _offline_encoder(),
        _workspace(workspace),
        _backups(workspace),
    )


def _python() -> Check:
    return Check("python", True, f"{platform.python_version()} at {sys.executable}")


def _duckdb() -> Check:
    return Check("duckdb", True, metadata.version("duckdb"))


def _mlx() -> Check:
    try:
        require_mlx()
    except UnavailableError as error:
        return Check("mlx", False, error.headline, error.todo, needed=False)
    return Check("mlx", True, metadata.version("mlx"), needed=False)


def _blas() -> Check:
    blas = load_blas()
    found = f"{blas.name}, kernels for {blas.core}" if blas.core else blas.name
    try:
        require_mlx()
    except UnavailableError:
        return Check("blas", blas.fast, found, blas.advice, needed=False)
    where = "the GPU" if sys.platform == "darwin" else "one core"
    found += f", {on_mlx_thread(measure_gflops):.3g} GFLOP/s on {where}"
    return Check("blas", blas.fast, found, blas.advice, needed=False)


def _offline_encoder() -> Check:
    try:
        folder = offline_encoder_folder()
    except RejudgeError as error:
        return Check("encoder", False, error.headline, error.todo, needed=False)
    return Check("encoder", True, f"all-MiniLM-L6-v2 in {folder}", needed=False)


def _compiler() -> Check:
    found = shutil.which("g++") or shutil.which("c++") or shutil.which("clang++")
    if found:
        return Check("compiler", True, found, needed=False)
    return Check(
        "compiler",
        False,
        "no C++ compiler",
        "Install g++, with which MLX on Linux compiles fused operations, to encode faster.",
        needed=False,
    )


def _workspace(workspace: Workspace) -> Check:
    place = str(workspace.folder)
    if not workspace.exists:
        return Check("workspace", False, f"none at {place}", "rejudge init", needed=False)
    database = workspace.folder / DATABASE_NAME
    try:
        if workspace.store_url():
            with open_workspace_store(workspace) as store:
                ((events,),) = store.read("SELECT count(*) FROM db.label_events")
                return Check("workspace", True, f"{store.place}, {events:,} label events")
        health = examine_store(workspace.folder)
    except RejudgeError as error:
        return Check("workspace", False, error.headline, error.todo)
    if health.damage:
        return Check("workspace", False, f"{database} is damaged: {health.damage}", _RESTORE)
    found = f"{database}, {health.events:,} label events{_unreadable(health)}"
    if health.not_in_journal:
        missing = f"{found}, {health.not_in_journal:,} of them not in labels.jsonl"
        return Check("workspace", False, missing, f"Write them there too with: {_RESTORE}")
    return Check("workspace", True, found)


def _unreadable(health: Health) -> str:
    if not health.unreadable:
        return ""
    number, reason = health.unreadable[0]
    count = len(health.unreadable)
    return f"; {count:,} lines of labels.jsonl cannot be read; the first, line {number}: {reason}"


def _backups(workspace: Workspace) -> Check:
    found = backups(workspace.folder)
    if not found:
        return Check("backups", True, "none yet", needed=False)
    newest = f"{len(found)}, the newest from {found[0].made:%Y-%m-%d %H:%M} UTC"
    return Check("backups", True, newest, needed=False)
