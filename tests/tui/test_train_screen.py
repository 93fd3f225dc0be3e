"""The train screen, key by key."""

from __future__ import annotations

import os
import shutil
import signal
import time
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest

from core.records import Progress
from core.store.opening import open_store
from tests.core.encoder.fixture_encoders import FIXTURES, skip_without_mlx
from tests.train.run_building import (
    CONFIG,
    START,
    event_lines,
    make_run,
    pretended_worker,
    steps,
    whole_run,
)
from tests.tui.driving import settled, until
from tests.tui.train_building import BASE, trainable_workspace
from tests.tui.train_driving import FAILED, FINISHED, STOPPED, at_work, train, workspace_with_runs
from train.runs import outcome as after_run
from train.runs import process as run_launch
from train.runs.events import Ended, EndStatus
from train.runs.folder import RUNS_NAME, RunFolder
from train.runs.process import worker_pid
from train.runs.progress import RunReader, RunStatus
from tui.screens.misses.screen import MissesScreen
from tui.screens.train.board import Below

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from core.jobs import Job
    from core.workspace import Workspace
    from tests.tui.train_driving import Training


@pytest.fixture(name="workspace")
def _workspace(tmp_path: Path) -> Workspace:
    return workspace_with_runs(tmp_path)


@pytest.fixture(name="pretended")
def _pretended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """Give a workspace whose workers only pretend; whatever is left of them is killed."""
    monkeypatch.setattr(run_launch, "WORKER", pretended_worker())
    workspace = trainable_workspace(tmp_path)
    yield workspace
    for path in (workspace.folder / RUNS_NAME).glob("*"):
        pid = worker_pid(RunFolder(path))
        if pid is not None:
            os.kill(pid, signal.SIGKILL)


def run_folder(workspace: Workspace, name: str) -> RunFolder:
    return RunFolder(workspace.folder / RUNS_NAME / name)


async def test_runs_are_listed_with_status_base_loss_and_metric(workspace: Workspace) -> None:
    async with train(workspace) as training:
        text = training.text
        assert "■ stopped   05-04 13:15 a0b1" in text
        assert "mse=1,kl=0.5 lora 16 0.550" in text
        assert "✗ failed    05-04 10:15 ff00" in text
        assert "✓ finished  05-03 12:00 0001" in text
        assert "mse=1,kl=0.5 · lora 16 · google/xtr" in text
        assert "step 17 of 40 · epoch 1.3" in text
        assert "best nDCG@10 0.550 at step 15" in text
        assert "held-out nDCG@10 0.55" in text
        assert "3 runs" in text


async def test_a_failed_run_says_why_and_its_log_cannot_act(workspace: Workspace) -> None:
    async with train(workspace) as training:
        await training.press("down")
        assert training.screen.chosen == FAILED
        text = training.text
        assert "the loss is not a number at step [7]\\x1b[31m" in text.replace("\n", " ")
        assert "Lower" in text
        assert "\x1b" not in text
        assert "one\\x1b[31m" in text


async def test_a_finished_run_shows_what_it_changed_then_log_then_settings(
    workspace: Workspace,
) -> None:
    async with train(workspace, (80, 30)) as training:
        await training.press("end")
        assert training.screen.chosen == FINISHED
        text = training.text
        assert "[outcome]" in text
        assert "semantic 0.50 [0.00-1.00] → 0.50 [0.00-1.00] ✗" in text
        assert "✓ 1 fixed" in text
        assert "- → 2    who keeps an eye on kettles" in text
        assert "✗ 1 broken" in text
        await training.press("f")
        assert "loading the encoder" in training.text
        await training.press("tab")
        assert "learning rate     2e-05" in training.text
        await training.press("pagedown", "space", "pageup")
        await training.press("enter")
        assert training.screen.below is Below.OUTCOME
        assert "finished in 2:01" in training.text


async def test_two_runs_are_compared_on_the_same_axes(workspace: Workspace) -> None:
    async with train(workspace) as training:
        await training.press("c")
        text = training.text
        assert "a0b1 stopped, best 0.550  vs  ff00 failed, not evaluated yet" in text
        assert "loss of ff00" in text
        assert "losses            mse=1,kl=0.5            margin" in text
        axes = [line.split("│")[0].strip() for line in text.splitlines() if "│" in line]
        assert axes.count("1.78") == 2
        await training.press("c")
        assert "vs  0001 finished, best 0.830" in training.text
        await training.press("c")
        assert training.screen.compared == ""
        await training.press("c", "escape")
        assert training.screen.compared == ""
        assert training.app.current_mode == "train"
        await training.press("escape")
        assert training.app.current_mode == "home"


async def test_the_misses_of_a_run_are_one_key_away(workspace: Workspace) -> None:
    async with train(workspace) as training:
        await training.press("m")
        assert "not evaluated" in training.said
        await training.press("end", "m")
        screen = training.app.screen
        assert isinstance(screen, MissesScreen)
        await until(training.pilot, lambda: screen.evals.compared is not None)
        await settled(training.pilot)
        assert [row.text for row in screen.evals.all_rows if row.missed] == ["violin"]
        assert [row.before for row in screen.evals.all_rows] == [None, 1]


async def test_what_cannot_be_done_to_a_run_is_said(workspace: Workspace) -> None:
    async with train(workspace) as training:
        await training.press("end", "s")
        assert "nothing to stop: the run is finished" in training.said
        await training.press("r")
        assert "nothing to resume: the run is finished" in training.said
        await training.press("e")
        assert "all of its specs are evaluated" in training.said
        await training.press("y")
        assert training.app.current_mode == "train"
        await training.press("home", "e")
        assert "nothing to evaluate yet" in training.said


async def test_a_workspace_without_runs_says_how_to_begin(tmp_path: Path) -> None:
    async with train(trainable_workspace(tmp_path)) as training:
        assert "No run yet." in training.text
        for key in ("s", "r", "c", "y", "f", "down", "e"):
            await training.press(key)
        await training.press("n")
        assert "base model" in training.text
        await training.press("escape")
        assert "No run yet." in training.text


async def test_the_form_explains_checks_and_counts(tmp_path: Path) -> None:
    async with train(trainable_workspace(tmp_path), (80, 40)) as training:
        await training.press("n")
        text = training.text
        assert "encoder to start from" in text
        assert "specs         searches" in text
        assert "✗ there is no graded pair to train on" in text
        await training.press("down", "enter")
        await training.type("hinge")
        assert "hinge is no loss" in training.text
        await training.type("mse")
        assert "loss          mse" in training.text
        await training.press(*["down"] * 6, "enter")
        assert "judge scores  yes" in training.text
        await until(training.pilot, lambda: "trained on" in training.text)
        await training.press("down", "enter")
        await training.type("0.4")
        await until(training.pilot, lambda: "✓ enough to train on" in training.text)
        await training.press("y")
        assert "--loss mse --use-judge-scores --held-out-share 0.4" in training.said
        await training.press("up", "down", "enter", "escape")
        assert "held out      0.4" in training.text
        await training.press("pagedown", "pageup", "escape", "n")
        assert "loss          mse" in training.text


async def test_what_cannot_be_started_is_told_and_nothing_is_made(tmp_path: Path) -> None:
    workspace = trainable_workspace(tmp_path)
    async with train(workspace, (120, 30)) as training:
        await training.press("n", "enter")
        await training.type("no/such/folder")
        await training.press("g")
        await until(training.pilot, lambda: "not started" in training.said)
        assert "no such encoder folder" in training.text
        await training.press("home", "enter")
        await training.type(str(BASE))
        await training.press("end", "enter")
        await until(training.pilot, lambda: "no graded pair" in training.said)
        assert not (workspace.folder / RUNS_NAME).exists()


async def filled_in(training: Training) -> None:
    await training.press("n", "enter")
    await training.type(str(BASE))
    await training.press(*["down"] * 7, "enter", "down", "enter")
    await training.type("0.4")


async def test_a_run_is_started_watched_stopped_and_resumed(pretended: Workspace) -> None:
    skip_without_mlx()
    async with train(pretended) as training:
        await filled_in(training)
        await training.press("g")
        await training.reached("▶ running")
        await training.reached("step 2 of 1,000")
        assert "started" in training.said
        assert "5.0 pairs/s · 0:09 left" in training.text
        assert "1 running · 1 run" in training.text
        await training.press("r")
        assert "nothing to resume: the run is running" in training.said
        await training.press("y")
        assert f"rejudge train --base {BASE}" in training.said
        await training.press("s")
        await training.reached("■ stopped")
        assert "stopping" not in training.said
        await training.press("r")
        await training.reached("step 4 of 1,000")
        name = training.screen.chosen
    # Closing the app leaves the run going; opening it again finds it.
    folder = run_folder(pretended, name)
    assert RunReader(folder).read().status is RunStatus.RUNNING
    async with train(pretended) as training:
        assert training.screen.chosen == name
        assert "▶ running" in training.text
        await training.press("s", "s")
        await training.reached("■ stopped")


async def test_a_run_that_ends_is_told_on_any_screen(pretended: Workspace) -> None:
    folder = make_run(pretended.folder, events=[START, *steps(1, 3)])
    with at_work(folder):
        async with train(pretended) as training:
            await training.press("escape")
            await training.reached("the latest running, step 3 of 40")
            with folder.events.open("a", encoding="utf-8") as file:
                file.write(
                    event_lines(Ended(EndStatus.FAILED, 3, 1.0, "the disk is full", "Make room."))
                )
            await training.reached("the latest failed")
            assert "run 0001 failed: the disk is full" in training.notices


async def test_a_finished_run_is_evaluated_once_by_whatever_app_is_open(tmp_path: Path) -> None:
    skip_without_mlx()
    workspace = trainable_workspace(tmp_path)
    config = replace(CONFIG, base=str(BASE))
    folder = make_run(workspace.folder, events=whole_run(), config=config)
    shutil.copytree(FIXTURES / "sentence", folder.model)
    async with train(workspace) as training:
        await until(training.pilot, lambda: "run 0001 is evaluated: semantic" in training.notices)
    async with train(workspace) as training:
        assert training.app.context.runs.job is None
        assert "before → after" in training.text
    with open_store(workspace.folder) as store:
        assert store.read("SELECT count(*) FROM db.evals") == [(2,)]


async def test_evals_of_a_run_show_their_progress_and_stop_by_escape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = trainable_workspace(tmp_path)
    make_run(workspace.folder, events=whole_run())

    def endless(*words: object) -> int:
        job = cast("Job", words[-1])
        for done in range(10_000):
            job.step(done, 10_000, "documents encoded")
            time.sleep(0.005)
        raise AssertionError(words)

    monkeypatch.setattr(after_run, "evaluate_run", endless)
    async with train(workspace, (120, 30)) as training:
        await until(training.pilot, lambda: "of 10,000 documents encoded" in training.text)
        assert isinstance(training.app.context.runs.job.progress, Progress)  # type: ignore[union-attr]
        await training.press("e")
        assert "is being evaluated" in training.said
        await training.press("escape")
        await until(training.pilot, lambda: training.app.context.runs.job is None)
        # It is not begun again by itself, only by key.
        await training.press("e")
        await until(training.pilot, lambda: training.app.context.runs.job is not None)
        assert training.app.current_mode == "train"


async def test_a_run_is_chosen_by_mouse(workspace: Workspace) -> None:
    async with train(workspace, (120, 30)) as training:
        assert await training.pilot.click("#runs", offset=(5, 4))
        await settled(training.pilot)
        assert training.screen.chosen == FINISHED
        await training.press("n")
        assert await training.pilot.click("#fields", offset=(5, 3))
        await settled(training.pilot)
        assert "highest learning rate" in training.text
        assert await training.pilot.click("#runs", offset=(5, 0))
        await settled(training.pilot)
        assert training.screen.chosen == STOPPED
        assert "base model" not in training.text
