"""Making a run's folder, whole or not at all."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from core.errors import WorkspaceError
from train.run_config_file import write_config
from train.run_finding import STAMP
from train.run_folder import RUNS_NAME, RunFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from train.run_config import RunConfig


def prepare_run(
    workspace: Path, config: RunConfig, write_training_set: Callable[[Path], object]
) -> RunFolder:
    """Make the folder of a new run, with its settings and what it trains on.

    It is made under another name and renamed once it is whole, so that nothing half-made is ever
    taken for a run.

    Args:
        workspace: the ``.rejudge`` folder.
        config: the run's settings.
        write_training_set: makes the folder that it is given, with the snapshot.

    Raises:
        WorkspaceError: the folder cannot be written.
        RejudgeError: what ``write_training_set`` raises.
    """
    name = run_name(config, datetime.now(UTC))
    runs = workspace / RUNS_NAME
    unfinished = RunFolder(runs / f".{name}")
    with _written(runs):
        unfinished.path.mkdir(parents=True)
        try:
            write_training_set(unfinished.training_set)
            write_config(config, unfinished.config)
            unfinished.path.rename(runs / name)
        except BaseException:
            shutil.rmtree(unfinished.path, ignore_errors=True)
            raise
    return RunFolder(runs / name)


def run_name(config: RunConfig, made: datetime) -> str:
    """Return a name for a new run: when it is made (UTC), its losses, and four random digits."""
    losses = "-".join(name.value for name, _ in config.losses)
    return f"{made.strftime(STAMP)}-{losses}-{os.urandom(2).hex()}"


@contextmanager
def _written(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WorkspaceError(
            f"the run cannot be prepared: {error.strerror or error}",
            where=str(place),
            todo="See that the disk has room and the folder can be written, then try again.",
        ) from error
