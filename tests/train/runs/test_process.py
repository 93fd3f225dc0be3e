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
from tests.train.run_building import (
    CONFIG,
    HOUSE,
    PRETENDER,
    event_lines,
    make_run,
    pretended_worker,
    whole_run,
)
from train.runs import process
from train.runs.folder import RunFolder, run_folders
from train.runs.making import prepare_run
from train.runs.process import RunLockedError, ask_to_stop, launch, stop, take_lock, worker_pid
from train.runs.progress import RunReader, RunStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


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
    monkeypatch.setattr(process, "WORKER", pretended_worker(program))


def waited(reached: Callable[[], bool]) -> None:
    for _ in range(2000):
        if reached():
            return
        time.sleep(0.01)
    raise AssertionError("it never came")


def test_a_run_is_launched_watched_stopped_and_resumed(folder: RunFolder) -> None:
    reader = RunReader(folder)
    pid = launch(folder)
    assert reader.read().status is RunStatus.RUNNING
    waited(lambda: reader.read().progress.step == 2)
    view = reader.read()
    assert view.status is RunStatus.RUNNING
    assert view.log == ("a word of a library",)
    assert worker_pid(folder) == pid
    assert os.getpgid(pid) == pid
    with pytest.raises(InputError, match="at work already"):
        launch(folder)
    assert stop(folder)
    view = reader.read()
    assert view.status is RunStatus.STOPPED
    with pytest.raises(InputError, match="not at work"):
        ask_to_stop(folder)
    launch(folder)
    # Until the new worker has spoken, the old one's last word is not its own.
    assert reader.read().status is not RunStatus.STOPPED
    waited(lambda: reader.read().progress.step == 4)
    assert reader.read().status is RunStatus.RUNNING
    assert stop(folder)
    assert reader.read().progress.seconds == 3.0


def test_a_killed_worker_is_shown_as_died(folder: RunFolder) -> None:
    pid = launch(folder)
    reader = RunReader(folder)
    waited(lambda: reader.read().progress.step == 2)
    os.kill(pid, signal.SIGKILL)
    waited(lambda: reader.read().status is RunStatus.DIED)
    assert worker_pid(folder) is None


def test_a_worker_that_does_not_listen_is_killed(folder: RunFolder) -> None:
    launch(folder)
    reader = RunReader(folder)
    waited(lambda: reader.read().progress.step == 2)
    os.kill(worker_pid(folder) or 0, signal.SIGSTOP)
    assert not stop(folder, patience=0.05)
    waited(lambda: reader.read().status is RunStatus.DIED)


def test_a_worker_that_falls_at_once_has_died_with_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, "raise SystemExit('no such module')")
    folder = make_run(tmp_path)
    launch(folder)
    reader = RunReader(folder)
    waited(lambda: reader.read().status is RunStatus.DIED)
    assert reader.read().log == ("no such module",)


def test_a_worker_outlives_the_one_that_started_it(folder: RunFolder, tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from train.runs import process\n"
        "from train.runs.folder import RunFolder\n"
        "process.WORKER = (sys.executable, '-c', sys.argv[2])\n"
        "print(process.launch(RunFolder(Path(sys.argv[1]))))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder.path), PRETENDER],
        cwd=HOUSE,
        env={**os.environ, "PYTHONPATH": str(HOUSE)},
        capture_output=True,
        text=True,
        check=True,
    )
    reader = RunReader(folder)
    waited(lambda: reader.read().progress.step == 2)
    assert worker_pid(folder) == int(done.stdout)
    assert stop(folder)
    assert reader.read().status is RunStatus.STOPPED


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
    assert worker_pid(made) is None


def test_a_worker_is_stopped_before_it_listens(folder: RunFolder) -> None:
    """A request to stop that comes while Python starts is no crash."""
    launch(folder)
    assert stop(folder)
    assert RunReader(folder).read().status is RunStatus.STOPPED


def test_a_finished_run_says_that_it_is_finished(folder: RunFolder) -> None:
    folder.events.write_text(event_lines(*whole_run()), encoding="utf-8")
    folder.model.mkdir()
    with pytest.raises(InputError, match="is finished: it has taken all its 40 steps"):
        launch(folder)
    folder.model.rmdir()
    launch(folder)  # the worker writes the model again
    assert stop(folder)


def test_a_worker_that_cannot_be_started_ends_as_failed(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "WORKER", ("/no/such/program",))
    with pytest.raises(WorkspaceError, match="No such file"):
        launch(folder)
    view = RunReader(folder).read()
    assert view.status is RunStatus.FAILED
    assert view.progress.ended is not None
    assert "could not be started" in view.progress.ended.reason
    assert worker_pid(folder) is None


def test_a_second_worker_is_refused_and_named(folder: RunFolder) -> None:
    held = take_lock(folder)
    process.write_pid(held, os.getpid())
    with pytest.raises(RunLockedError, match=f"process {os.getpid()}"):
        take_lock(folder)
    with pytest.raises(InputError, match="at work already"):
        launch(folder)
    os.close(held)
    os.close(take_lock(folder))


def test_a_lock_without_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        take_lock(RunFolder(tmp_path / "none"))
