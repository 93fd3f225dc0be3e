"""Runs by their folders under ``.rejudge/runs``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from train.run_folder import RUNS_NAME, RunFolder

if TYPE_CHECKING:
    from pathlib import Path

LATEST: Final = "latest"
STAMP: Final = "%Y%m%d-%H%M%S"
_STAMP_LENGTH: Final = 15


def run_folders(workspace: Path) -> tuple[RunFolder, ...]:
    """Return every run of a ``.rejudge`` folder, the newest first.

    One that is still being prepared, or that lost its settings, is none.
    """
    try:
        entries = [entry for entry in (workspace / RUNS_NAME).iterdir() if entry.name[0] != "."]
    except OSError:
        return ()
    folders = (RunFolder(entry) for entry in sorted(entries, reverse=True))
    return tuple(folder for folder in folders if folder.config.is_file())


def find_run(workspace: Path, named: str) -> RunFolder:
    """Return the run that a person named.

    Args:
        workspace: the ``.rejudge`` folder.
        named: its name, the beginning or the end of it, or ``latest``.

    Raises:
        InputError: there is none, or there are several.
    """
    known = run_folders(workspace)
    wanted = named.strip()
    fitting = [folder for folder in known if folder.path.name == wanted]
    if wanted == LATEST:
        fitting = list(known[:1])
    if not fitting and wanted:
        fitting = [
            folder
            for folder in known
            if folder.path.name.startswith(wanted) or folder.path.name.endswith(wanted)
        ]
    if len(fitting) != 1:
        names = ", ".join(folder.path.name for folder in fitting[:5])
        raise InputError(
            f"several runs are called {named}: {names}"
            if fitting
            else f"there is no run {named or 'yet'}",
            where=str(workspace.parent),
            todo="See them all with: rejudge runs",
        )
    return fitting[0]


def run_created(folder: RunFolder) -> datetime:
    """Return when a run was made (UTC, without a zone): its name says so, or its settings' age."""
    try:
        made = datetime.strptime(folder.path.name[:_STAMP_LENGTH], STAMP).replace(tzinfo=UTC)
    except ValueError:
        made = datetime.fromtimestamp(folder.config.stat().st_mtime, UTC)
    return made.replace(tzinfo=None)
