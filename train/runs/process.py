"""Starting a run's worker: a process of its own that outlives the one that starts it.

What a worker tells goes to its folder, so whoever looks on reads there and no pipe ties the two
together. ``launch.json`` in the folder says who was started, for the seconds until the worker has
its lock and says so itself.

One worker for a run at a time.

What a run is doing, told from its folder alone.

Stopping a run: the worker finishes its step, writes a checkpoint and ends as ``stopped``.
"""

from __future__ import annotations

import json
import os
import signal
import site
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.errors import InputError, RejudgeError, WorkspaceError
from core.files import is_locked, lock, write_atomically
from core.processes import is_running, module_command

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from train.runs.events import RunProgress
    from train.runs.folder import RunFolder


_TRIES: Final = 10
_PAUSE: Final = 0.02


class RunLockedError(RejudgeError):
    """Another worker has the run."""


class RunLock:
    """Holds ``worker.lock``, as a context, and writes the process id into it.

    The system lets go of it when the process ends, however it ends.

    Raises:
        RunLockedError: another worker holds it.
        InputError: the folder is absent or cannot be written.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._file = -1

    def __enter__(self) -> None:
        """Take the lock."""
        path = self._folder.lock
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise InputError(
                f"cannot write to this run's folder: {error.strerror}", where=str(path.parent)
            ) from error
        if not self._taken():
            holder = os.pread(self._file, 32, 0).decode(errors="replace").strip()
            os.close(self._file)
            raise RunLockedError(
                f"this run has a worker already, process {holder}",
                where=str(path.parent),
                todo="Wait for it or stop it first.",
            )
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of it."""
        os.close(self._file)

    def _taken(self) -> bool:
        # Whoever looks whether there is a worker holds the lock for a moment.
        for _ in range(_TRIES):
            if lock(self._file, wait=False):
                return True
            time.sleep(_PAUSE)
        return False


#: What Python is told to run, before the run's folder.
WORKER: tuple[str, ...] = module_command("train.worker")
#: Seconds in which a worker that was started must have its lock.
_GRACE: Final = 120.0
_ROOM: Final = "See that the disk has room and the folder can be written, then resume the run."
#: The workers that this process started, by their folders: somebody has to take their exit status.
_children: dict[Path, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True, slots=True)
class Launch:
    """The last start of a run's worker.

    ``launched`` is in seconds since 1970; ``told`` is how many bytes of events there were before.
    """

    pid: int
    launched: float
    told: int


def launch(folder: RunFolder) -> Launch:
    """Start the worker of a run, or start it again after its last checkpoint.

    Raises:
        InputError: the run's worker is at work already.
        WorkspaceError: the folder cannot be written.
    """
    if is_starting(folder) or worker_at_work(folder):
        raise InputError(
            "this run is at work already",
            where=folder.path.name,
            todo=f"Look at it with: rejudge runs {folder.path.name}",
        )
    told = _size(folder.events)
    _forget(folder.path.absolute())
    try:
        with folder.log.open("ab") as log:
            child = subprocess.Popen(  # noqa: S603 - our own module, our own folder
                [*WORKER, str(folder.path.absolute())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
                env=_environment(),
            )
        _children[folder.path.absolute()] = child
        started = Launch(child.pid, time.time(), told)
        document = {"pid": started.pid, "launched": started.launched, "told": started.told}
        write_atomically(folder.launch, json.dumps(document))
    except OSError as error:
        raise WorkspaceError(
            f"the worker cannot be started: {error.strerror}", where=str(folder.path), todo=_ROOM
        ) from error
    return started


def last_launch(folder: RunFolder) -> Launch | None:
    """Return the last start of a run's worker; None when nobody started one from here."""
    try:
        document = json.loads(folder.launch.read_text(encoding="utf-8"))
        return Launch(int(document["pid"]), float(document["launched"]), int(document["told"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_starting(folder: RunFolder) -> bool:
    """Whether a worker was started and has not told anything yet."""
    last = last_launch(folder)
    if last is None or _size(folder.events) > last.told or not is_alive(folder, last.pid):
        return False
    # The lock is looked at late only: to look is to hold it for a moment, in the worker's way.
    return time.time() - last.launched < _GRACE or worker_at_work(folder)


def worker_at_work(folder: RunFolder) -> bool:
    """Whether some process holds the run's lock."""
    _reap()
    return is_locked(folder.lock)


def worker_pid(folder: RunFolder) -> int | None:
    """Return the process id of the worker at work; None when none is."""
    last = last_launch(folder)
    if is_starting(folder):
        return last.pid if last is not None else None
    if not worker_at_work(folder):
        return None
    try:
        return int(folder.lock.read_text(encoding="utf-8").split()[0])
    except (OSError, ValueError, IndexError):
        return last.pid if last is not None else None


def _environment() -> dict[str, str]:
    """Let the worker find these packages, also when they run from a checkout."""
    house = str(Path(__file__).resolve().parents[2])
    environment = dict(os.environ)
    if house not in {*site.getsitepackages(), site.getusersitepackages()}:
        before = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = f"{house}{os.pathsep}{before}" if before else house
    return environment


def is_alive(folder: RunFolder, pid: int) -> bool:
    """Whether this worker of a run has not ended yet."""
    child = _children.get(folder.path.absolute())
    if child is not None and child.pid == pid:
        return child.poll() is None
    return is_running(pid)


def _reap() -> None:
    for path, child in list(_children.items()):
        if child.poll() is not None:
            del _children[path]


def _forget(path: Path) -> None:
    """Wait for a run's worker of before, which gave up its lock and is about to be gone."""
    child = _children.pop(path, None)
    if child is not None:
        with suppress(subprocess.TimeoutExpired):
            child.wait(_GRACE)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


class RunStatus(StrEnum):
    """What a run is doing."""

    #: Prepared, and nobody has started its worker yet.
    WAITING = "waiting"
    #: Its worker is at work, or was started and has told nothing yet.
    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    #: Its worker is gone and left no last word: it was killed, or the machine went down.
    DIED = "died"

    @property
    def going(self) -> bool:
        """Whether a worker is at work."""
        return self is RunStatus.RUNNING

    @property
    def resumable(self) -> bool:
        """Whether a worker can go on with it, or begin."""
        return self not in {RunStatus.RUNNING, RunStatus.FINISHED}


def run_status(folder: RunFolder, progress: RunProgress, told: int) -> RunStatus:
    """Return what a run is doing.

    Args:
        folder: the run's folder.
        progress: what its events say.
        told: how many bytes of events that is.
    """
    last = last_launch(folder)
    if last is not None and told <= last.told:
        return RunStatus.RUNNING if is_starting(folder) else RunStatus.DIED
    if progress.ended is not None:
        return RunStatus(progress.ended.status.value)
    if worker_at_work(folder):
        return RunStatus.RUNNING
    return RunStatus.WAITING if not told else RunStatus.DIED


#: Seconds that a worker may take for its step and its checkpoint before it is killed.
PATIENCE: Final = 120.0
_LOOK: Final = 0.05


def ask_to_stop(folder: RunFolder) -> int:
    """Ask a run's worker to stop and return its process id; it goes on for a step.

    A worker that has not begun yet just ends, and the run is as it was before its start.

    Raises:
        InputError: no worker of this run is at work.
    """
    pid = worker_pid(folder)
    if pid is None:
        raise InputError(
            "this run is not at work",
            where=folder.path.name,
            todo=f"Resume it with: rejudge train --resume {folder.path.name}",
        )
    if is_starting(folder):
        folder.launch.unlink(missing_ok=True)
    _signal(pid, signal.SIGTERM)
    return pid


def stop(
    folder: RunFolder, *, patience: float = PATIENCE, asked: Callable[[], object] = lambda: None
) -> bool:
    """Stop a run's worker and wait until it has ended.

    Args:
        folder: the run's folder.
        patience: seconds after which it is killed; its last checkpoint stays whole.
        asked: called once the worker was asked.

    Returns:
        Whether the worker ended by itself; False when it had to be killed.

    Raises:
        InputError: no worker of this run is at work.
    """
    begun = not is_starting(folder)
    pid = ask_to_stop(folder)
    _ = asked()
    last = time.monotonic() + patience
    # One that has begun holds its lock to the end; whose child it is does not matter then.
    while worker_at_work(folder) if begun else is_alive(folder, pid):
        if time.monotonic() > last:
            _signal(pid, signal.SIGKILL)
            return False
        time.sleep(_LOOK)
    return True


def kill(folder: RunFolder) -> None:
    """End a run's worker at once; its last checkpoint stays whole."""
    pid = worker_pid(folder)
    if pid is not None:
        _signal(pid, signal.SIGKILL)


def _signal(pid: int, number: signal.Signals) -> None:
    """Send a signal to the worker and to what it started; the worker leads its own group."""
    try:
        if number is signal.SIGKILL and os.getpgid(pid) == pid:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
    except ProcessLookupError:
        return
