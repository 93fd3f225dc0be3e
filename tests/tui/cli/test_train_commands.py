from __future__ import annotations

import json
import os
import shlex
import signal
import sys
import time
from dataclasses import replace
from inspect import signature
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.encoder.fixture_encoders import skip_without_mlx
from tests.train.run_building import CONFIG, PRETENDER, make_run, pretended_worker, steps, whole_run
from tests.train.run_building import START as STARTED
from tests.tui.train_building import BASE, trainable_workspace
from train.config import LoraConfig, Precision, RunConfig, Tuning
from train.dataset.records import TrainingSetPlan
from train.options import command_line, config_from, plan_from
from train.runs import process as run_launch
from train.runs.events import Ended, EndStatus
from train.runs.folder import RunFolder
from train.runs.process import stop, worker_pid
from train.step.losses import LOSSES
from tui.cli import following
from tui.cli.groups import load_command
from tui.cli.main import main
from tui.cli.options import slot_of
from tui.cli.train import train

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from core.store.database import Store

OPTIONS = ("--base", str(BASE), "--use-judge-scores", "--held-out-share", "0.4")


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run_launch, "WORKER", pretended_worker())
    trainable_workspace(tmp_path)
    yield tmp_path
    for run in (tmp_path / ".rejudge" / "runs").glob("*"):
        pid = worker_pid(RunFolder(run))
        if pid is not None:
            os.kill(pid, signal.SIGKILL)


def told(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> dict[str, Any]:
    assert main([*words, "--json"]) == status
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main([*words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) <= 2
    return captured.err


def test_a_dry_run_shows_the_training_set_and_makes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = told(capsys, "train", *OPTIONS, "--dry-run")
    assert answer["enough"] is True
    assert answer["training_set"]["plan"]["judge_scores"] is True
    assert not (folder / ".rejudge" / "runs").exists()
    assert main(["train", *OPTIONS, "--dry-run"]) == 0
    assert "trained on" in capsys.readouterr().out
    # Without the judge's scores there is nothing: it says so, and what to do.
    assert main(["train", "--dry-run"]) == 1
    assert "not enough: there is no graded pair" in capsys.readouterr().out


def wait_for_step(folder: RunFolder) -> None:
    until = time.monotonic() + 60
    while not folder.events.exists() or '"step"' not in folder.events.read_text():
        assert time.monotonic() < until, "it never took a step"
        time.sleep(0.02)


def test_a_run_is_detached_listed_stopped_and_resumed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    skip_without_mlx()
    capsys.readouterr()
    assert main(["train", *OPTIONS, "--detach", "--json", "--epochs", "500"]) == 0
    *preparing, prepared, detached = map(json.loads, capsys.readouterr().out.splitlines())
    assert {event["event"] for event in preparing} == {"preparing"}
    assert preparing[0].keys() == {"event", "doing", "done", "total"}
    assert (prepared["event"], detached["event"]) == ("prepared", "detached")
    name = prepared["run"]
    (listed,) = told(capsys, "runs")["runs"]
    assert listed["run"] == name
    assert listed["status"] == "running"
    assert listed["config"]["specs"] == ["searches"]
    # One that is stopped before its first step was never begun; these epochs take longer than it.
    wait_for_step(RunFolder(folder / ".rejudge" / "runs" / name))
    assert told(capsys, "train", "--stop", "latest") == {"run": name, "stopped": True}
    one = told(capsys, "runs", name[-4:])
    assert one["status"] == "stopped"
    assert one["command"].startswith(f"rejudge train --base {BASE} --epochs 500 --use-judge-scores")
    assert told(capsys, "status")["runs"] == 1
    assert "not at work" in refused(capsys, "train", "--stop", name)
    assert main(["train", "--resume", name, "--detach"]) == 0
    capsys.readouterr()
    assert "at work already" in refused(capsys, "train", "--resume", name, "--detach")
    assert stop(RunFolder(folder / ".rejudge" / "runs" / name))


def test_ctrl_c_stops_the_run_and_says_how_to_go_on(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_without_mlx()
    shown = following._shown
    begun = 0

    def interrupting(view: Any, *, stopping: bool) -> Any:
        if len(view.progress.loss) > begun and not stopping:
            raise KeyboardInterrupt
        return shown(view, stopping=stopping)

    monkeypatch.setattr(following, "_shown", interrupting)
    assert main(["train", *OPTIONS, "--json"]) == 130
    captured = capsys.readouterr()
    events = [json.loads(line)["event"] for line in captured.out.splitlines()]
    assert events[events.index("prepared") :][:3] == ["prepared", "start", "step"]
    assert events[-2:] == ["checkpoint", "end"]
    assert "rejudge train --resume" in captured.err
    begun = 2
    # Once more, from its checkpoint on; only the events of this start are told.
    assert main(["train", "--resume", "latest", "--json"]) == 130
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["event"] for each in events[:2]] == ["resumed", "start"]
    assert events[1]["step"] > 0
    # A third time, before the worker has begun: the run is as it was.
    begun = -1
    assert main(["train", "--resume", "latest"]) == 130
    capsys.readouterr()
    assert told(capsys, "runs", "latest")["status"] == "stopped"


def test_runs_are_shown_with_curves_and_figures(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["runs"]) == 0
    assert "rejudge train" in capsys.readouterr().out
    workspace = folder / ".rejudge"
    run = make_run(workspace, events=whole_run(), config=replace(CONFIG, specs=()))
    make_run(
        workspace,
        "20300504-120000-mse-0002",
        [STARTED, *steps(1, 3), Ended(EndStatus.FAILED, 3, 5.0, "the loss is NaN", "Lower it.")],
        log="one\x1b[31m\ntwo\n",
    )
    assert main(["runs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["failed", "finished"]
    assert main(["runs", "0001"]) == 0
    text = capsys.readouterr().out
    assert "nDCG@10 on held-out queries" in text
    assert "step 40" in text
    one = told(capsys, "runs", "0001")
    assert one["metric_curve"] == [[20, 0.71], [40, 0.83]]
    assert one["config"]["base"] == "offline"
    assert main(["runs", "0002"]) == 0
    text = capsys.readouterr().out
    assert "the loss is NaN" in text
    assert "one\\x1b[31m" in text
    # A run whose folder is gone is remembered.
    for path in sorted(run.path.rglob("*"), reverse=True):
        path.unlink()
    run.path.rmdir()
    assert main(["runs"]) == 0
    assert "finished (folder gone)" in capsys.readouterr().out
    assert told(capsys, "runs", run.path.name)["metric"] == 0.83


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "--loss", "hinge"], "hinge is no loss"),
        (["train", "--loss", "mse=x"], "takes a number"),
        (["train", "--loss", "mse=-1"], "--loss should have weights above 0"),
        (["train", "--epochs", "0"], "--epochs should be more than 0"),
        (["train", "--lora", "0"], "--lora should be at least 1"),
        (["train", "--lora-alpha", "3"], "goes with --lora"),
        (["train", "--keyword-share", "2"], "--keyword-share should be at least 0 and"),
        (["train", "--spec", "nothing"], "no spec nothing"),
        (["train", "--base", "no/such/folder"], "no such encoder folder"),
        (["train", "--base", str(BASE)], "no graded pair"),
        (["train", "--resume", "latest"], "no run latest"),
        (["train", "--stop", "latest"], "no run latest"),
        (["train", "--evaluate", "x"], "no run x"),
        (["runs", "x"], "no run x"),
    ],
)
def test_what_cannot_be_done_is_said_in_two_lines(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert said in refused(capsys, *words)
    assert not list((folder / ".rejudge").glob("runs/*"))


def test_a_run_that_failed_or_died_is_told_as_an_error(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(folder / ".rejudge", config=CONFIG)
    monkeypatch.setattr(
        run_launch, "WORKER", (sys.executable, "-c", "raise SystemExit('out of\\x1b memory')")
    )
    monkeypatch.setattr("core.encoder.blas.slowness", lambda: "slow: install OpenBLAS")
    assert main(["train", "--resume", "latest"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("slow: install OpenBLAS\n")
    assert "the worker died at step 0: out of\\x1b memory" in error
    assert "--resume" in error
    failing = PRETENDER.replace(
        'EndStatus.STOPPED, step, 1.5, "it was told to stop", "Resume it."',
        'EndStatus.FAILED, step, 1.5, "the loss is NaN at step 3", "Lower --rate."',
    ).replace("while step", "while False and step")
    monkeypatch.setattr(run_launch, "WORKER", pretended_worker(failing))
    assert main(["train", "--resume", "latest"]) == 2
    error = capsys.readouterr().err
    assert "the loss is NaN at step 3" in error
    assert "Lower --rate." in error


def test_another_process_may_have_the_store_when_a_run_ends(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.errors import StoreLockedError

    run = make_run(folder / ".rejudge", events=whole_run())

    def locked(*_: object) -> Store:
        raise StoreLockedError("another process has this workspace open")

    monkeypatch.setattr("core.store.opening._open", locked)
    assert main(["train", "--evaluate", "latest"]) == 0
    assert f"rejudge train --evaluate {run.path.name}" in capsys.readouterr().err


def parsed(line: str) -> tuple[RunConfig, TrainingSetPlan]:
    words = load_command("train").make_context("train", shlex.split(line)[2:]).params
    given = slot_of(signature(train, eval_str=True).parameters["settings"]).read(words)
    specs = [] if given["specs"] == ["none"] else given["specs"]
    return config_from(given, specs), plan_from(given)


def test_the_command_line_of_a_run_is_short_where_it_is_as_usual() -> None:
    config = RunConfig(base="offline", specs=("searches", "a b"))
    assert command_line(config, TrainingSetPlan()) == "rejudge train --spec searches --spec 'a b'"


@given(st.data())
def test_the_command_line_of_a_run_starts_the_same_again(data: st.DataObject) -> None:
    losses = data.draw(st.lists(st.sampled_from(list(LOSSES)), min_size=1, unique=True))
    rank = data.draw(st.integers(1, 64))
    lora = LoraConfig(rank, 2.0 * rank, data.draw(st.floats(0, 0.9)), ("query", "value"))
    tuning = data.draw(st.sampled_from(list(Tuning)))
    seed = data.draw(st.integers(0, 2**31))
    config = RunConfig(
        base=data.draw(st.sampled_from(["offline", "a b/c", "owner/name"])),
        losses=tuple((name, data.draw(st.sampled_from([1.0, 0.5, 0.1]))) for name in losses),
        epochs=data.draw(st.floats(0.01, 100)),
        learning_rate=data.draw(st.floats(1e-7, 0.1)),
        query_length=data.draw(st.none() | st.integers(4, 512)),
        tuning=tuning,
        lora=lora if tuning is Tuning.LORA else LoraConfig(),
        precision=data.draw(st.sampled_from(list(Precision))),
        bucketing=data.draw(st.booleans()),
        seed=seed,
        specs=tuple(data.draw(st.lists(st.sampled_from(["s", "a b", "it's"]), unique=True))),
    )
    plan = TrainingSetPlan(
        judge_scores=data.draw(st.booleans()),
        keyword_share=data.draw(st.floats(0, 0.9)),
        low_graded_per_query=data.draw(st.integers(0, 99)),
        seed=seed,
    )
    assert parsed(command_line(config, plan)) == (config, plan)
