"""A new run out of the store: checked, its training set built and kept, ready to be launched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.encoder import offline_encoder_folder
from core.encoder.availability import require_mlx
from core.encoder.folder import encoder_folder
from core.encoder.reading import read_spec
from train.base_encoder import OFFLINE, load_base
from train.errors import memory_error, out_of_memory
from train.run_preparing import prepare_run
from train.suitability import check_suitable
from train.training_set.building import build_training_set
from train.training_set.enough import require_enough
from train.training_set.hard_negatives import with_hardest_negatives
from train.training_set.snapshot import SUMMARY_NAME, write_training_set
from train.training_set.summarising import recounted
from train.training_set.summary_file import read_summary

if TYPE_CHECKING:
    from pathlib import Path

    from core.store import Store
    from train.run_config import RunConfig
    from train.run_folder import RunFolder
    from train.training_set.plan import TrainingSetPlan
    from train.training_set.records import TrainingSet
    from train.training_set.summary import TrainingSetSummary
    from train.training_set.watching import Watch


def make_run(
    store: Store, config: RunConfig, plan: TrainingSetPlan, watch: Watch | None = None
) -> tuple[RunFolder, TrainingSetSummary]:
    """Make a run's folder with all that its worker needs; it is not launched yet.

    Args:
        store: gives the training set; nothing is written to it.
        config: the run's settings.
        plan: of the training set.
        watch: told how far the training set is; asked whether to stop.

    Raises:
        UnavailableError: this machine cannot train, or lacks the offline encoder.
        InputError: the base is not there, or there is too little to learn from.
        WorkspaceError: the folder cannot be written.
        TrainingError: memory is used up.
        CancelledError: the watch said so; nothing was made.
    """
    _ = base_folder(config.base)
    require_mlx()
    built, summary = build_training_set(store, plan, watch)
    require_enough(summary)
    if summary.above_cap:
        built = _with_hardest(built, config, plan, watch)
        summary = recounted(summary, built)
    check_suitable(built, config)
    folder = prepare_run(
        store.folder, config, lambda place: write_training_set(place, built, summary)
    )
    return folder, summary


def _with_hardest(
    built: TrainingSet, config: RunConfig, plan: TrainingSetPlan, watch: Watch | None
) -> TrainingSet:
    try:
        return with_hardest_negatives(built, plan.low_graded_per_query, load_base(config), watch)
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
