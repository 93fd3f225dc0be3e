"""A new run out of the store: checked, its training set built and kept, ready to be launched.

Making a run's folder, whole or not at all.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from core.encoder import offline_encoder_folder
from core.encoder.folder import read_spec
from core.encoder.location import encoder_folder
from core.encoder.mlx_runtime import require_mlx
from core.errors import WorkspaceError
from core.files import replacing
from core.jobs import Job
from train.base import OFFLINE, load_base, memory_error, out_of_memory
from train.config import write_config
from train.dataset.building import build_training_set
from train.dataset.enough import check_suitable, require_enough
from train.dataset.files import SUMMARY_NAME, read_summary, write_training_set
from train.dataset.hard_negatives import with_hardest_negatives
from train.dataset.summary import recounted
from train.runs.folder import RUNS_NAME, STAMP, RunFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from core.store.database import Store
    from train.config import RunConfig
    from train.dataset.records import TrainingSet, TrainingSetPlan
    from train.dataset.summary import TrainingSetSummary


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
    with _written(runs):
        runs.mkdir(parents=True, exist_ok=True)
        with replacing(runs / name) as path:
            path.mkdir()
            unfinished = RunFolder(path)
            write_training_set(unfinished.training_set)
            write_config(config, unfinished.config)
    return RunFolder(runs / name)


def run_name(config: RunConfig, made: datetime) -> str:
    """Return a name for a new run: when it is made (UTC), its losses, and four random digits."""
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
        job: told how far the training set is; asked whether to stop.

    Raises:
        UnavailableError: this machine cannot train, or lacks the offline encoder.
        InputError: the base is not there, or there is too little to learn from.
        WorkspaceError: the folder cannot be written.
        TrainingError: memory is used up.
        CancelledError: the job was cancelled; nothing was made.
    """
    _ = base_folder(config.base)
    require_mlx()
    job = (job or Job()).named("preparing the run", "Nothing was kept.")
    built, summary = build_training_set(store, plan, job)
    require_enough(summary)
    if summary.above_cap:
        built = _with_hardest(built, config, plan, job)
        summary = recounted(summary, built)
    check_suitable(built, config)
    folder = prepare_run(
        store.folder, config, lambda place: write_training_set(place, built, summary)
    )
    return folder, summary


def _with_hardest(
    built: TrainingSet, config: RunConfig, plan: TrainingSetPlan, job: Job
) -> TrainingSet:
    try:
        return with_hardest_negatives(built, plan.low_graded_per_query, load_base(config), job)
    except (RuntimeError, MemoryError) as error:
        if out_of_memory(error):
            raise memory_error() from error
        raise


def base_folder(base: str) -> Path:
    """Return the folder of the encoder that a run starts from.

    Raises:
        UnavailableError: it is the offline encoder, and that is not installed.
        InputError: it is not there, or it is no encoder.
    """
    folder = offline_encoder_folder() if base == OFFLINE else encoder_folder(base)
    _ = read_spec(folder)
    return folder


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
