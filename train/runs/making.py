"""Making a new run out of the store: its training set built, its folder written whole."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from core.encoder.folder import read_spec
from core.encoder.mlx_runtime import require_mlx
from core.errors import WorkspaceError
from core.files import replacing
from core.jobs import Job
from train.base import absolute_base, base_folder, load_base
from train.config import write_config
from train.dataset.building import build_training_set
from train.dataset.enough import check_suitable, require_enough
from train.dataset.files import SUMMARY_NAME, read_summary, write_training_set
from train.dataset.hard_negatives import with_hardest_negatives
from train.dataset.summary import recounted
from train.memory import memory_errors
from train.runs.folder import RUNS_NAME, STAMP, RunFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from core.store.database import Store
    from train.config import RunConfig
    from train.dataset.records import TrainingSetPlan
    from train.dataset.summary import TrainingSetSummary


def prepare_run(
    workspace: Path, config: RunConfig, write_training_set: Callable[[Path], object]
) -> RunFolder:
    """Make the folder of a new run, with its settings and what it trains on.

    It is made under another name and renamed once it is whole, so a half-made folder is no run.

    Args:
        workspace: the ``.rejudge`` folder.
        config: the run's settings.
        write_training_set: writes the training set into the new folder that it is given.

    Raises:
        WorkspaceError: the folder cannot be written.
        RejudgeError: what ``write_training_set`` raises.
    """
    name = run_name(config, datetime.now(UTC))
    runs = workspace / RUNS_NAME
    with _written(runs):
        runs.mkdir(parents=True, exist_ok=True)
        with replacing(runs / name) as path:
            path.mkdir()
            unfinished = RunFolder(path)
            write_training_set(unfinished.training_set)
            write_config(config, unfinished.config)
    return RunFolder(runs / name)


def run_name(config: RunConfig, made: datetime) -> str:
    """Return a name for a new run: the time (UTC), its losses, and four random digits."""
    losses = "-".join(name for name, _ in config.losses)
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


def make_run(
    store: Store, config: RunConfig, plan: TrainingSetPlan, job: Job | None = None
) -> tuple[RunFolder, TrainingSetSummary]:
    """Make a run's folder with all that its worker needs; it is not launched yet.

    Args:
        store: gives the training set; nothing is written to it.
        config: the run's settings.
        plan: of the training set.
        job: gets the progress of the training set; may cancel.

    Raises:
        UnavailableError: this machine cannot train, or lacks the offline encoder.
        InputError: the base is not there, or there is too little to learn from.
        WorkspaceError: the folder cannot be written.
        TrainingError: memory is used up.
        CancelledError: the job was cancelled; nothing was made.
    """
    config = replace(config, base=absolute_base(config.base))
    _ = read_spec(base_folder(config.base))
    require_mlx()
    job = (job or Job()).named("preparing the run", "Nothing was kept.")
    built, summary = build_training_set(store, plan, job)
    require_enough(summary)
    if summary.above_cap:
        with memory_errors():
            most, encoder = plan.low_graded_per_query, load_base(config)
            built = with_hardest_negatives(built, most, encoder, job)
        summary = recounted(summary, built)
    check_suitable(built, config)
    folder = prepare_run(
        store.folder, config, lambda place: write_training_set(place, built, summary)
    )
    return folder, summary


def plan_of_run(folder: RunFolder) -> TrainingSetPlan:
    """Return the plan that a run's training set was built by.

    Raises:
        InputError: the snapshot is not there or cannot be read.
    """
    return summary_of_run(folder).plan


def summary_of_run(folder: RunFolder) -> TrainingSetSummary:
    """Return the figures of a run's training set.

    Raises:
        InputError: the snapshot is not there or cannot be read.
    """
    summary, _ = read_summary(folder.training_set / SUMMARY_NAME)
    return summary
