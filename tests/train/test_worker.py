"""The worker as it is started: its streams, its signals, its faults."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from core.errors import UnavailableError
from tests.core.encoder.fixture_encoders import skip_without_mlx
from tests.train.run_building import event_lines
from tests.train.training_examples import example_config, example_set, losses_of, run_folder
from train import worker
from train.config import parse_losses, write_config
from train.dataset.files import write_training_set
from train.dataset.records import TrainingSetPlan
from train.dataset.summary import TrainingSetSummary
from train.memory import TrainingError
from train.runs.events import (
    Ended,
    EndStatus,
    Started,
    Stepped,
    as_continued,
    parse_event,
    read_events,
)
from train.runs.process import take_lock, write_pid
from train.runs.progress import RunStatus, read_run
from train.step.losses import LOSSES, TWO_GRADES, Loss

skip_without_mlx()

if TYPE_CHECKING:
    from collections.abc import Iterator

    import mlx.core as mx

    from train.config import RunConfig
    from train.runs.folder import RunFolder
    from train.step.losses import GradedBatch

HOUSE = Path(__file__).parents[2]
#: Turns compiling off and runs the worker: what is compiled is another test's.
PROGRAM = """
import sys
from core.encoder.mlx_runtime import require_mlx
require_mlx()
import train.step.trainee
train.step.trainee.may_compile = lambda: False
{before}
from train.worker import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    config = example_config("colbert", epochs=30, checkpoint_every=1)
    return write_run(tmp_path / "run", config)


def write_run(path: Path, config: RunConfig) -> RunFolder:
    made = run_folder(path)
    write_config(config, made.config)
    summary = TrainingSetSummary(TrainingSetPlan(), "", (), (), 8, 0, 1.0, 0, 0, (), (), 0)
    write_training_set(made.training_set, example_set(), summary)
    return made


def start(folder: RunFolder, before: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(before=before), str(folder.path)],
        cwd=HOUSE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def lines_until(child: subprocess.Popen[str], event: str, number: int) -> Iterator[str]:
    assert child.stdout is not None
    for line in child.stdout:
        yield line
        number -= json.loads(line)["event"] == event
        if not number:
            return


@pytest.mark.slow
def test_stop_hang_up_kill_and_resume(folder: RunFolder) -> None:
    child = start(
        folder,
        "import os, train.worker as w\nw.require_mlx = lambda: os.write(1, b'a library prints')",
    )
    first = list(lines_until(child, "step", 2))
    os.kill(child.pid, signal.SIGHUP)
    first += lines_until(child, "step", 1)
    os.kill(child.pid, signal.SIGTERM)
    assert child.stdout is not None
    assert child.stderr is not None
    # Not communicate: it passes over what was read ahead of the lines taken so far.
    rest, errors = child.stdout.read(), child.stderr.read()
    child.communicate(timeout=60)
    assert child.returncode == 0
    assert "a library prints" in errors
    assert "Traceback" not in errors
    parsed = [parse_event(line) for line in [*first, *rest.splitlines()]]
    assert [event for event in parsed if event] == read_events(folder.events)
    ended = read_events(folder.events)[-1].event
    assert isinstance(ended, Ended)
    assert (ended.status, ended.step >= 3) == (EndStatus.STOPPED, True)
    assert (folder.checkpoints / f"step-{ended.step:06d}").is_dir()

    child = start(folder)
    again = list(lines_until(child, "checkpoint", 2))
    child.kill()
    child.communicate(timeout=60)
    started = parse_event(again[1])
    assert started is not None
    assert isinstance(started.event, Started)
    assert started.event.step == ended.step

    child = start(folder)
    list(lines_until(child, "step", 1))
    os.kill(child.pid, signal.SIGINT)
    child.communicate(timeout=60)
    assert child.returncode == 0
    events = [timed.event for timed in as_continued(read_events(folder.events))]
    steps = list(losses_of(events))
    assert steps == list(range(1, len(steps) + 1))


#: Makes every text of a held-out evaluation, or every text that is prepared, take a while.
SLOW_EVALUATION = """
import time
from core.encoder.encoder import Encoder
encode = Encoder.iterate_documents
def slowly(self, *given, **named):
    for found in encode(self, *given, **named):
        time.sleep(1.2)
        yield found
Encoder.iterate_documents = slowly
"""
SLOW_PREPARING = """
import time
import train.dataset.files
read = train.dataset.files._rows
def slowly(folder, name, columns, job):
    for row in read(folder, name, columns, job):
        job.check()
        time.sleep(0.4)
        yield row
train.dataset.files._rows = slowly
"""


@pytest.mark.slow
def test_a_stop_during_an_evaluation_is_heard_and_leaves_a_checkpoint(folder: RunFolder) -> None:
    child = start(folder, SLOW_EVALUATION)
    list(lines_until(child, "evaluating", 1))
    assert read_run(folder).status is RunStatus.RUNNING
    os.kill(child.pid, signal.SIGTERM)
    events = [json.loads(line)["event"] for line in lines_until(child, "end", 1)]
    assert "stopping" in events
    assert "eval" not in events
    child.communicate(timeout=60)
    view = read_run(folder)
    assert (view.status, view.progress.step) == (RunStatus.STOPPED, 0)
    assert (folder.checkpoints / "step-000000" / "state.json").is_file()
    assert (folder.model / "model.safetensors").is_file()


@pytest.mark.slow
def test_a_second_request_ends_it_at_once(folder: RunFolder) -> None:
    child = start(folder, SLOW_EVALUATION.replace("1.2", "60"))
    list(lines_until(child, "start", 1))
    os.kill(child.pid, signal.SIGINT)
    os.kill(child.pid, signal.SIGTERM)
    list(lines_until(child, "stopping", 1))
    os.kill(child.pid, signal.SIGTERM)
    child.communicate(timeout=30)
    assert child.returncode == worker.FAILED
    assert read_run(folder).status is RunStatus.DIED


@pytest.mark.slow
def test_a_stop_while_the_worker_prepares_is_no_crash(folder: RunFolder) -> None:
    child = start(folder)
    list(lines_until(child, "checkpoint", 2))
    child.kill()
    child.communicate(timeout=60)
    assert not folder.model.exists()
    child = start(folder, SLOW_PREPARING)
    list(lines_until(child, "launch", 1))
    os.kill(child.pid, signal.SIGTERM)
    child.communicate(timeout=60)
    assert child.returncode == 0
    assert read_run(folder).status is RunStatus.STOPPED
    # What its killed predecessor had learned is there to be used.
    assert (folder.model / "model.safetensors").is_file()


def run_here(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> tuple[int, list[Ended]]:
    """Run the worker in this process, its descriptors left alone."""
    monkeypatch.setattr(worker.StopFlag, "listen", lambda _self: None)
    monkeypatch.setattr(worker, "own_stream", lambda: os.open(os.devnull, os.O_WRONLY))
    monkeypatch.setattr("train.step.trainee.may_compile", lambda: False)
    status = worker.main([str(folder.path)])
    events = [timed.event for timed in read_events(folder.events)]
    return status, [event for event in events if isinstance(event, Ended)]


def test_a_registered_loss_is_trained_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def mean_score(scores: mx.array, graded: GradedBatch, _config: object, _head: object) -> Any:
        return (scores * graded.graded).mean()

    monkeypatch.setitem(LOSSES, "toy", Loss("lower every score", mean_score, TWO_GRADES))
    losses = parse_losses("toy=2")
    folder = write_run(tmp_path / "toy", example_config(losses=losses, batch_size=12, epochs=1))
    assert run_here(folder, monkeypatch)[1][0].status is EndStatus.FINISHED
    steps = [e.event for e in read_events(folder.events) if isinstance(e.event, Stepped)]
    assert [list(step.losses) for step in steps] == [["toy"], ["toy"]]
    assert all(step.loss == pytest.approx(2 * step.losses["toy"]) for step in steps)


def test_a_fault_of_the_settings_ends_as_failed(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.config.write_text('{"base": "nowhere/at all"}')
    status, ended = run_here(folder, monkeypatch)
    assert (status, len(ended)) == (2, 1)
    assert ended[0].status is EndStatus.FAILED
    assert "nowhere/at all" in ended[0].reason
    assert ended[0].todo
    assert "nowhere/at all" in capsys.readouterr().err


def test_a_resume_that_fails_at_once_stands_at_its_checkpoint(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = Started(1, 0, 9, 4, 5, 6, 2, 1000, 100, "cpu")
    steps = [Stepped(n, 9, n / 9, 0.5, {}, 1e-5, 1.0, 7.5, 30.0, 1 << 30) for n in range(1, 6)]
    folder.events.write_text(event_lines(began, *steps, replace(began, step=3)))

    def broken(*_: object) -> None:
        raise TrainingError("the memory of this machine is used up")

    monkeypatch.setattr("train.training.train", broken)
    status, ended = run_here(folder, monkeypatch)
    assert (status, ended[0].step) == (2, 3)


def test_without_mlx_it_says_so(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> None:
        raise UnavailableError("encoding needs MLX, which does not load", todo="Install it.")

    monkeypatch.setattr(worker, "require_mlx", absent)
    status, ended = run_here(folder, monkeypatch)
    assert status == 2
    assert ended == [Ended(EndStatus.FAILED, 0, ended[0].seconds, ended[0].reason, "Install it.")]
    assert "MLX" in ended[0].reason


def test_a_fault_of_the_program_is_told_too(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("train.training.train", broken)
    with pytest.raises(ZeroDivisionError):
        run_here(folder, monkeypatch)
    ended = read_events(folder.events)[-1].event
    assert isinstance(ended, Ended)
    assert ended.reason == "an unexpected ZeroDivisionError: oh"
    assert str(folder.log) in ended.todo


def test_a_second_worker_leaves_the_first_alone(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    held = take_lock(folder)
    write_pid(held, os.getpid())
    status, ended = run_here(folder, monkeypatch)
    os.close(held)
    assert (status, ended) == (2, [])
    assert f"process {os.getpid()}" in capsys.readouterr().err
    assert not folder.events.exists()


def test_without_a_folder_it_tells_its_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert worker.main([]) == 2
    assert "RUN_DIR" in capsys.readouterr().err
