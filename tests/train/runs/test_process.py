"""A worker that pretends, started and stopped as the real one is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from core.errors import InputError, WorkspaceError
from tests.train.run_building import CONFIG, HOUSE, PRETENDER, make_run
from train.runs import process
from train.runs.folder import run_folders
from train.runs.making import prepare_run
from train.runs.process import (
    RunStatus,
    ask_to_stop,
    is_starting,
    launch,
    stop,
    worker_at_work,
    worker_pid,
)
from train.runs.watching import RunWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from train.runs.folder import RunFolder


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunFolder]:
    """Give a run whose worker pretends; whatever is left of it is killed in the end."""
    pretend(monkeypatch)
    folder = make_run(tmp_path)
    yield folder
    pid = worker_pid(folder)
    if pid is not None:
        os.kill(pid, signal.SIGKILL)
        waited(lambda: worker_pid(folder) is None)


def pretend(monkeypatch: pytest.MonkeyPatch, program: str = PRETENDER) -> None:
    monkeypatch.setattr(process, "WORKER", (sys.executable, "-P", "-c", program))


def waited(reached: Callable[[], bool]) -> None:
    for _ in range(2000):
        if reached():
            return
        time.sleep(0.01)
    raise AssertionError("it never came")


def test_a_run_is_launched_watched_stopped_and_resumed(folder: RunFolder) -> None:
    watch = RunWatch(folder)
    started = launch(folder)
    assert watch.look().status is RunStatus.RUNNING
    waited(lambda: watch.look().progress.step == 2)
    look = watch.look()
    assert look.status is RunStatus.RUNNING
    assert look.log == ("a word of a library",)
    assert worker_pid(folder) == started.pid
    assert os.getpgid(started.pid) == started.pid
    with pytest.raises(InputError, match="at work already"):
        launch(folder)
    assert stop(folder)
    look = watch.look()
    assert look.status is RunStatus.STOPPED
    with pytest.raises(InputError, match="not at work"):
        ask_to_stop(folder)
    launch(folder)
    # Until the new worker has spoken, the old one's last word is not its own.
    assert watch.look().status is not RunStatus.STOPPED
    waited(lambda: watch.look().progress.step == 4)
    assert watch.look().status is RunStatus.RUNNING
    assert stop(folder)
    assert watch.look().progress.seconds == 3.0


def test_a_killed_worker_is_shown_as_died(folder: RunFolder) -> None:
    pid = launch(folder).pid
    watch = RunWatch(folder)
    waited(lambda: watch.look().progress.step == 2)
    os.kill(pid, signal.SIGKILL)
    waited(lambda: watch.look().status is RunStatus.DIED)
    assert worker_pid(folder) is None


def test_a_worker_that_does_not_listen_is_killed(folder: RunFolder) -> None:
    launch(folder)
    watch = RunWatch(folder)
    waited(lambda: watch.look().progress.step == 2)
    os.kill(worker_pid(folder) or 0, signal.SIGSTOP)
    assert not stop(folder, patience=0.05)
    waited(lambda: watch.look().status is RunStatus.DIED)


def test_a_worker_that_falls_at_once_has_died_with_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, "raise SystemExit('no such module')")
    folder = make_run(tmp_path)
    launch(folder)
    watch = RunWatch(folder)
    waited(lambda: watch.look().status is RunStatus.DIED)
    assert watch.look().log == ("no such module",)
    assert not is_starting(folder)


def test_the_worker_finds_these_packages_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text("raise SystemExit('a decoy')", encoding="utf-8")
    pretend(monkeypatch, "import train.config as it; raise SystemExit(it.__file__)")
    folder = make_run(tmp_path)
    launch(folder)
    watch = RunWatch(folder)
    waited(lambda: watch.look().status is RunStatus.DIED)
    assert watch.look().log == (str(HOUSE / "train" / "config.py"),)


def test_a_worker_outlives_the_one_that_started_it(folder: RunFolder, tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from train.runs import process\n"
        "from train.runs.folder import RunFolder\n"
        "process.WORKER = (sys.executable, '-c', sys.argv[2])\n"
        "print(process.launch(RunFolder(Path(sys.argv[1]))).pid)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder.path), PRETENDER],
        cwd=HOUSE,
        capture_output=True,
        text=True,
        check=True,
    )
    watch = RunWatch(folder)
    waited(lambda: watch.look().progress.step == 2)
    assert worker_pid(folder) == int(done.stdout)
    assert stop(folder)
    assert watch.look().status is RunStatus.STOPPED


def test_a_run_is_prepared_whole_or_not_at_all(tmp_path: Path) -> None:
    def broken(folder: Path) -> None:
        folder.mkdir()
        (folder / "pairs.parquet").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(WorkspaceError, match="No space left"):
        prepare_run(tmp_path, CONFIG, broken)
    assert list((tmp_path / "runs").iterdir()) == []
    made = prepare_run(tmp_path, CONFIG, lambda folder: folder.mkdir())
    assert run_folders(tmp_path) == (made,)
    assert made.training_set.is_dir()
    assert not worker_at_work(made)
