"""A run out of the store: its hard negatives are chosen as the run will read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from core.jobs import Job
from core.store.opening import open_workspace_store
from tests.building import Scored, add_scored
from tests.core.encoder.fixture_encoders import skip_without_mlx
from tests.tui.train_building import BASE, TOPICS, trainable_workspace
from train.config import RunConfig, read_config
from train.dataset.hard_negatives import with_hardest_negatives
from train.dataset.records import TrainingSetPlan
from train.dataset.summary import LeftOutReason
from train.memory import TrainingError
from train.runs import making as run_making
from train.runs.folder import RUNS_NAME

skip_without_mlx()

if TYPE_CHECKING:
    from pathlib import Path

    from core.records import Progress

PLAN = TrainingSetPlan(
    judge_scores=True, held_out_share=0.4, keyword_share=0.0, low_graded_per_query=2
)
LOW_GRADED = [
    Scored(f"the {topic} that nobody found", f"def {topic}_{n}():\n    return {n}\n", 1 + n % 2)
    for topic in TOPICS
    for n in range(5)
]


def test_too_little_memory_is_told_and_makes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = trainable_workspace(tmp_path)

    def full(*_: object) -> None:
        raise RuntimeError("[malloc] Unable to allocate 123 bytes.")

    monkeypatch.setattr(run_making, "with_hardest_negatives", full)
    with open_workspace_store(workspace) as store:
        add_scored(store, LOW_GRADED)
        with pytest.raises(TrainingError, match="memory"):
            run_making.make_run(store, RunConfig(base=str(BASE)), PLAN)
    assert not (workspace.folder / RUNS_NAME).exists()


def test_the_hardest_are_chosen_with_the_lengths_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = trainable_workspace(tmp_path)
    specs: list[Any] = []

    def chosen(training_set: Any, most: int, encoder: Any, job: Any) -> Any:
        specs.append(encoder.spec)
        return with_hardest_negatives(training_set, most, encoder, job)

    monkeypatch.setattr(run_making, "with_hardest_negatives", chosen)
    config = RunConfig(base=str(BASE), query_length=9, document_length=14)
    told: list[Progress] = []
    with open_workspace_store(workspace) as store:
        add_scored(store, LOW_GRADED)
        _, summary = run_making.make_run(store, config, PLAN, Job(told.append))
    assert [(spec.query_length, spec.document_length) for spec in specs] == [(9, 14)]
    crowded, rest = divmod(summary.left_out_for(LeftOutReason.EASY), 3)
    assert (summary.above_cap, rest, 0 < crowded <= len(TOPICS)) == (0, 0, True)
    assert any(each.note == "hard negatives" and each.done == each.total for each in told)


def test_a_relative_base_is_kept_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = trainable_workspace(tmp_path)
    monkeypatch.chdir(BASE.parent)
    with open_workspace_store(workspace) as store:
        folder, _ = run_making.make_run(store, RunConfig(base=BASE.name), PLAN)
    assert read_config(folder.config).base == str(BASE)
