"""Evals before and after a run, with tiny encoders."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from core.errors import CancelledError, InputError
from core.jobs import Job
from core.store.opening import open_store
from eval.evals import list_evals
from tests.core.encoder.fixture_encoders import FIXTURES, skip_without_mlx
from tests.train.run_building import CONFIG, event_lines, make_run, whole_run
from tests.tui.train_building import BASE, trainable_workspace
from train.runs.events import Ended, EndStatus, Started
from train.runs.outcome import evaluate_run, outcomes, unevaluated
from train.runs.store import Side, WorkspaceRuns
from tui.run_form import all_specs, chosen_specs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from core.records import Progress
    from core.store.database import Store
    from train.runs.folder import RunFolder
    from train.runs.store import RunRecord

skip_without_mlx()


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[Store]:
    with open_store(trainable_workspace(tmp_path).folder) as store:
        yield store


@pytest.fixture(name="folder")
def _folder(store: Store) -> RunFolder:
    folder = make_run(store.folder, events=whole_run(), config=replace(CONFIG, base=str(BASE)))
    shutil.copytree(FIXTURES / "sentence", folder.model)
    return folder


def the_run(store: Store) -> RunRecord:
    (record,) = WorkspaceRuns(store.folder).read(store).records
    return record


def test_base_and_outcome_are_evaluated_once(store: Store, folder: RunFolder) -> None:
    record = the_run(store)
    assert unevaluated(store, record) == (("searches", Side.BEFORE), ("searches", Side.AFTER))
    notes: list[str] = []

    def tell(progress: Progress) -> None:
        notes.append(progress.note)

    assert evaluate_run(store, folder, record, Job(tell)) == 2
    assert any(note.startswith("before on searches (1 of 2): ") for note in notes)
    (outcome,) = outcomes(store, record)
    assert outcome.before.summary.checkpoint != outcome.after.summary.checkpoint
    assert len(outcome.comparison.queries) == 2
    assert unevaluated(store, record) == ()
    assert evaluate_run(store, folder, record, Job()) == 0
    # Another run from the same base takes the eval that is there.
    other = make_run(
        store.folder,
        "20300504-120000-mse-0002",
        whole_run(),
        replace(CONFIG, base=str(BASE)),
    )
    shutil.copytree(FIXTURES / "pylate", other.model)
    second = WorkspaceRuns(store.folder).read(store).records[0]
    evaluate_run(store, other, second, Job())
    assert len(list_evals(store)) == 3


def test_what_was_stopped_goes_on_where_it_was(store: Store, folder: RunFolder) -> None:
    record = the_run(store)
    stopping: list[bool] = []

    def tell(progress: Progress) -> None:
        if "after on" in progress.note:
            stopping.append(True)

    with pytest.raises(CancelledError):
        evaluate_run(store, folder, record, Job(tell, lambda: bool(stopping)))
    assert unevaluated(store, record) == (("searches", Side.AFTER),)
    assert outcomes(store, record) == ()
    assert evaluate_run(store, folder, record, Job()) == 1
    assert len(list_evals(store)) == 2


def test_a_run_that_goes_on_is_evaluated_anew(store: Store, folder: RunFolder) -> None:
    evaluate_run(store, folder, the_run(store), Job())
    start = Started(2, 40, 60, 1, 1, 1, 1, 1, 1, "cpu")
    with folder.events.open("a", encoding="utf-8") as file:
        file.write(event_lines(start, Ended(EndStatus.STOPPED, 50, 9.0)))
    assert unevaluated(store, the_run(store)) == ()
    with folder.events.open("a", encoding="utf-8") as file:
        file.write(event_lines(start, Ended(EndStatus.FINISHED, 60, 9.0)))
    record = the_run(store)
    assert unevaluated(store, record) == (("searches", Side.AFTER),)
    assert outcomes(store, record) == ()


def test_a_run_without_a_model_says_so(store: Store, folder: RunFolder) -> None:
    shutil.rmtree(folder.model)
    with pytest.raises(InputError, match="left no model"):
        evaluate_run(store, folder, the_run(store), Job())
    assert len(list_evals(store)) == 1


def test_specs_are_chosen_by_name_or_all(store: Store) -> None:
    assert all_specs(store) == ("searches",)
    assert chosen_specs(store, None) == ("searches",)
    assert chosen_specs(store, ["none"]) == ()
    assert chosen_specs(store, ["searches", "searches"]) == ("searches",)
    with pytest.raises(InputError):
        chosen_specs(store, ["other"])
