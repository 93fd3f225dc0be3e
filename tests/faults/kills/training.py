"""A training run of a tiny encoder. A checkpoint is acknowledged once its event is told."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

from tests.core.encoder.fixture_encoders import skip_without_mlx
from tests.train.training_examples import example_config, example_set, losses_of, run_folder
from train.config import write_config
from train.dataset.files import write_training_set
from train.dataset.records import TrainingSetPlan
from train.dataset.summary import TrainingSetSummary
from train.memory import TrainingError
from train.runs.events import Checkpointed, Started, as_continued, read_events
from train.runs.folder import RUNS_NAME, RunFolder
from train.runs.progress import RunReader, RunStatus

skip_without_mlx()

import train.training  # noqa: E402, F401 - the libraries are no part of the work
from train import worker  # noqa: E402
from train.checkpoints import checkpoint_names, checkpoint_weights, read_state  # noqa: E402
from train.runs.events import EventWriter  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from train.runs.events import RunEvent

NAME = "20300503-120000-contrastive-0001"


def prepare(root: Path) -> None:
    folder = run_folder(_folder(root).path)
    write_config(example_config("colbert", epochs=5, checkpoint_every=1), folder.config)
    summary = TrainingSetSummary(TrainingSetPlan(), "", (), (), 8, 0, 1.0, 0, 0, (), (), 0)
    write_training_set(folder.training_set, example_set(), summary)


def _folder(root: Path) -> RunFolder:
    return RunFolder(root / ".rejudge" / RUNS_NAME / NAME)


def beside() -> AbstractContextManager[str]:
    return nullcontext("")


def run(root: Path, _: str, say: Callable[[str], None]) -> None:
    write = EventWriter.write

    def told(writer: EventWriter, event: RunEvent) -> None:
        write(writer, event)
        if isinstance(event, Checkpointed):
            say(event.folder)

    # To compile a graph takes seconds, and is tested elsewhere.
    with (
        patch.object(EventWriter, "write", told),
        patch("train.step.trainee.may_compile", return_value=False),
    ):
        status = worker.main([str(_folder(root).path)])
    if status:
        ended = RunReader(_folder(root)).read().progress.ended
        raise TrainingError(ended.reason if ended else "it told no end")


def kept(root: Path) -> list[str]:
    folder = _folder(root)
    look = RunReader(folder).read()
    events = read_events(folder.events)
    ended = look.progress.ended
    gone = RunStatus.DIED if look.position else RunStatus.WAITING
    assert look.status is (RunStatus(ended.status.value) if ended else gone)
    reached = 0
    for timed in events:
        if isinstance(timed.event, Started):
            assert timed.event.step >= reached, "a start went back behind a checkpoint"
        elif isinstance(timed.event, Checkpointed):
            reached = timed.event.step
    names = checkpoint_names(folder)
    for name in names:
        assert f"step-{read_state(folder, name).step:06d}" == name
        assert checkpoint_weights(folder, name)
    # An earlier one is removed, and only once a later one is there.
    steps = int(names[-1].removeprefix("step-")) if names else 0
    return [f"step-{step:06d}" for step in range(1, steps + 1)]


def check_whole(root: Path, unbroken: Path) -> None:
    losses, others = _losses(root), _losses(unbroken)
    assert list(losses) == list(range(1, len(losses) + 1))
    assert losses == pytest.approx(others, abs=1e-5)
    folder = _folder(root)
    assert RunReader(folder).read().status is RunStatus.FINISHED
    assert (folder.model / "model.safetensors").stat().st_size


def _losses(root: Path) -> dict[int, float]:
    return losses_of([timed.event for timed in as_continued(read_events(_folder(root).events))])
