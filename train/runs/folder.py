"""The folder of a run, and the runs under ``.rejudge/runs``.

| path | written by | holds |
|---|---|---|
| ``config.json`` | who makes the run | the ``RunConfig`` |
| ``training_set/`` | who makes the run | ``{queries,documents,pairs}.parquet``, ``summary.json`` |
| ``events.jsonl`` | launcher and worker | an event a line: see ``train.runs.events`` |
| ``log.txt`` | the worker | whatever it and its libraries print |
| ``worker.lock`` | the worker | its process id; locked as long as it runs |
| ``checkpoints/step-000100/`` | the worker | learned weights, optimizer, place in the data |
| ``checkpoints/best.json`` | the worker | the name of the best checkpoint and its nDCG |
| ``model/`` | the worker | the trained encoder, in the layout of its base |
| ``adapter/`` | the worker | LoRA's own weights, when it was LoRA |
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


RUNS_NAME: Final = "runs"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The paths of a run's files."""

    path: Path

    @property
    def config(self) -> Path:
        """The run's settings."""
        return self.path / "config.json"

    @property
    def training_set(self) -> Path:
        """The snapshot of what it trains on."""
        return self.path / "training_set"

    @property
    def events(self) -> Path:
        """What happened: one event a line."""
        return self.path / "events.jsonl"

    @property
    def log(self) -> Path:
        """What the worker and its libraries printed."""
        return self.path / "log.txt"

    @property
    def lock(self) -> Path:
        """Locked by the worker as long as it lives."""
        return self.path / "worker.lock"

    @property
    def checkpoints(self) -> Path:
        """The folder of all checkpoints."""
        return self.path / "checkpoints"

    @property
    def best(self) -> Path:
        """Names the best checkpoint."""
        return self.checkpoints / "best.json"

    @property
    def model(self) -> Path:
        """The trained encoder."""
        return self.path / "model"

    @property
    def adapter(self) -> Path:
        """LoRA's own weights."""
        return self.path / "adapter"


LATEST: Final = "latest"
STAMP: Final = "%Y%m%d-%H%M%S"
_STAMP_LENGTH: Final = 15


def run_folders(workspace: Path) -> tuple[RunFolder, ...]:
    """Return every run of a ``.rejudge`` folder, the newest first.

    A folder without settings is no run: it is still being prepared, or was damaged.
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
