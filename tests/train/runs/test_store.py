from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from tests.train.run_building import CONFIG, START, event_lines, make_run, steps, whole_run
from train.config import (
    SettingDifference,
    Tuning,
    config_differences,
    parse_losses,
    parse_tuning,
    setting_text,
)
from train.runs import store as run_store
from train.runs.events import Ended, EndStatus, Started
from train.runs.folder import run_created
from train.runs.progress import RunReader, RunStatus
from train.runs.store import RunEval, Side, WorkspaceRuns, link_eval, list_runs, run_evals

if TYPE_CHECKING:
    import pytest

    from core.store.database import Store

EVAL = UUID(int=7)


def test_runs_are_read_from_their_folders_into_the_store(store: Store) -> None:
    make_run(store.folder, events=whole_run())
    make_run(store.folder, "20300504-120000-mse-0002", [START, *steps(1, 3)])
    found = WorkspaceRuns(store.folder).read(store)
    assert [record.status for record in found.records] == [RunStatus.DIED, RunStatus.FINISHED]
    finished = found.records[1]
    assert (finished.step, finished.metric, finished.config) == (40, 0.83, CONFIG)
    assert finished.created.isoformat() == "2030-05-03T12:00:00"
    assert list_runs(store) == list(found.records)


def test_a_run_that_ended_is_not_read_again_until_it_goes_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_run(store.folder, events=whole_run())
    before = WorkspaceRuns(store.folder).read(store)
    watches: list[object] = []

    class Watching(RunReader):
        def __init__(self, *words: object) -> None:
            watches.append(words)
            super().__init__(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(run_store, "RunReader", Watching)
    assert WorkspaceRuns(store.folder).read(store) == before
    assert watches == []
    more = event_lines(
        Started(2, 40, 60, 1, 1, 1, 1, 1, 1, "cpu"), Ended(EndStatus.STOPPED, 41, 9.0)
    )
    with folder.events.open("a", encoding="utf-8") as file:
        file.write(more)
    (record,) = WorkspaceRuns(store.folder).read(store).records
    assert (record.status, record.seconds) == (RunStatus.STOPPED, 130.0)
    assert len(watches) == 1


def test_the_rows_of_runs_are_a_cache(store: Store) -> None:
    make_run(store.folder, events=whole_run())
    before = WorkspaceRuns(store.folder).read(store)
    with store.transaction() as cursor:
        cursor.execute("DELETE FROM db.runs")
    assert WorkspaceRuns(store.folder).read(store) == before
    assert list_runs(store) == list(before.records)


def test_a_run_whose_folder_is_gone_is_remembered(store: Store) -> None:
    folder = make_run(store.folder, events=whole_run())
    WorkspaceRuns(store.folder).read(store)
    shutil.rmtree(folder.path)
    found = WorkspaceRuns(store.folder).read(store)
    assert found.gone == {folder.path.name}
    assert found.records[0].metric == 0.83


def test_a_folder_that_cannot_be_read_is_named_and_hides_no_other(store: Store) -> None:
    broken = make_run(store.folder, "20300504-120000-mse-0002")
    broken.config.write_text("{", encoding="utf-8")
    make_run(store.folder, events=whole_run())
    found = WorkspaceRuns(store.folder).read(store)
    assert len(found.records) == 1
    assert "0002" in found.problems[0]


def test_evals_of_a_run_count_until_it_goes_on(store: Store) -> None:
    make_run(store.folder, events=whole_run())
    (record,) = WorkspaceRuns(store.folder).read(store).records
    for side in Side:
        link_eval(store, record.id, RunEval("searches", side, EVAL, record.position))
        link_eval(store, record.id, RunEval("searches", side, EVAL, record.position))
    assert set(run_evals(store, record)) == {("searches", Side.BEFORE), ("searches", Side.AFTER)}
    gone_on = replace(record, position=record.position + 1)
    assert set(run_evals(store, gone_on)) == {("searches", Side.BEFORE)}


def test_two_configs_are_compared_setting_by_setting() -> None:
    other = replace(
        CONFIG,
        losses=(("mse", 1.0), ("kl", 0.25)),
        tuning=Tuning.LORA,
        query_length=32,
        specs=(),
    )
    assert config_differences(CONFIG, CONFIG) == ()
    assert config_differences(CONFIG, other) == (
        SettingDifference("losses", "contrastive", "mse=1,kl=0.25"),
        SettingDifference("tuning", "full", "lora"),
        SettingDifference("query_length", "as the base", "32"),
        SettingDifference("specs", "searches", "none"),
    )


def test_settings_are_read_as_they_are_written() -> None:
    losses = parse_losses(" contrastive = 1, kl=0.25 ")
    assert losses == (("contrastive", 1.0), ("kl", 0.25))
    assert setting_text(replace(CONFIG, losses=losses), "losses") == "contrastive=1,kl=0.25"
    tuning, lora = parse_tuning("lora 8")
    assert (tuning, lora.rank, lora.alpha) == (Tuning.LORA, 8, 16.0)
    assert setting_text(CONFIG, "bucketing") == "yes"
    assert setting_text(CONFIG, "lora").startswith("rank 16, alpha 32")


def test_a_run_of_another_name_has_the_age_of_its_settings(store: Store) -> None:
    folder = make_run(store.folder, "mine")
    assert run_created(folder).tzinfo is None
