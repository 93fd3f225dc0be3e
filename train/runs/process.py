"""The worker of a run: a process of its own that outlives the one that starts it.

A worker holds the lock of its run from before its first instruction to its end: the starter takes
the lock and hands the open file on, and the system releases it however the worker ends. It starts
with SIGTERM blocked, so that a request to stop waits until it can save and write an end event.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from core.errors import InputError, RejudgeError, WorkspaceError
from core.files import is_locked, lock
from core.processes import module_command
from train.runs.events import Ended, EndStatus, EventWriter, Launched
from train.runs.progress import RunStatus, read_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from train.runs.folder import RunFolder

#: What runs the worker; the run's folder and the descriptor of its lock come behind it.
WORKER: tuple[str, ...] = module_command("train.worker")
#: Seconds in which a worker has to hear a request to stop before it is killed.
PATIENCE: Final = 120.0
_ROOM: Final = "See that the disk has room and the folder can be written, then resume the run."
_POLL: Final = 0.05
_TRIES: Final = 10
_PAUSE: Final = 0.02
#: The workers that this process started: it has to collect their exit status.
_children: list[subprocess.Popen[bytes]] = []


class RunLockedError(RejudgeError):
    """Another worker has the run."""


def launch(folder: RunFolder) -> int:
    """Start the worker of a run, or start it again after its last checkpoint; return its id.

    Raises:
        InputError: the run's worker is at work already, or the run is finished.
        WorkspaceError: the folder cannot be written.
    """
    _children[:] = [child for child in _children if child.poll() is None]
    view = read_run(folder)
    if view.status is RunStatus.FINISHED and folder.model.is_dir():
        raise InputError(
            f"this run is finished: it has taken all its {view.progress.step:,} steps",
            where=view.id,
            todo="Start a new run to train further.",
        )
    try:
        held = take_lock(folder)
    except RunLockedError as error:
        raise InputError(
            "this run is at work already",
            where=view.id,
            todo=f"See it with: rejudge runs {view.id}",
        ) from error
    try:
        return _start(folder, held)
    except OSError as error:
        raise WorkspaceError(
            f"the worker cannot be started: {error.strerror}", where=str(folder.path), todo=_ROOM
        ) from error
    finally:
        os.close(held)


def take_lock(folder: RunFolder) -> int:
    """Take the lock of a run's worker and return its open file, whose closing releases it.

    Raises:
        RunLockedError: another process holds it.
        InputError: the folder is absent or cannot be written.
    """
    path = folder.lock
    try:
        held = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise InputError(
            f"cannot write to this run's folder: {error.strerror}", where=str(path.parent)
        ) from error
    for _ in range(_TRIES):
        if lock(held, wait=False):
            return held
        time.sleep(_PAUSE)  # ``is_locked`` in another process holds the lock for a moment
    holder = os.pread(held, 32, 0).decode(errors="replace").strip()
    os.close(held)
    raise RunLockedError(
        f"this run has a worker already, process {holder}",
        where=str(path.parent),
        todo="Wait for it or stop it first.",
    )


def write_pid(held: int, pid: int) -> None:
    """Write a worker's process id into the open file of its lock."""
    os.ftruncate(held, 0)
    os.pwrite(held, f"{pid}\n".encode(), 0)


def worker_pid(folder: RunFolder) -> int | None:
    """Return the process id of the worker at work; None when none is."""
    if not is_locked(folder.lock):
        return None
    try:
        return int(folder.lock.read_text(encoding="utf-8").split()[0])
    except (OSError, ValueError, IndexError):
        return None


def ask_to_stop(folder: RunFolder) -> int:
    """Ask a run's worker to stop after its step, and return its process id.

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
    _signal(pid, signal.SIGTERM)
    return pid


def stop(
    folder: RunFolder, *, patience: float = PATIENCE, asked: Callable[[], object] = lambda: None
) -> bool:
    """Stop a run's worker and wait until it has ended.

    Args:
        folder: the run's folder.
        patience: seconds after which it is killed unless it has heard the request; its last
            checkpoint stays whole.
        asked: called once the worker was asked.

    Returns:
        Whether the worker ended by itself; False when it had to be killed.

    Raises:
        InputError: no worker of this run is at work.
    """
    pid = ask_to_stop(folder)
    _ = asked()
    last = time.monotonic() + patience
    while is_locked(folder.lock):
        if time.monotonic() > last and not read_run(folder).progress.stopping:
            _signal(pid, signal.SIGKILL)
            return False
        time.sleep(_POLL)
    return True


def kill_unless_stopping(folder: RunFolder) -> None:
    """Kill a worker that has not heard a request to stop; its last checkpoint stays whole."""
    pid = worker_pid(folder)
    if pid is not None and not read_run(folder).progress.stopping:
        _signal(pid, signal.SIGKILL)


def _start(folder: RunFolder, held: int) -> int:
    write_pid(held, os.getpid())
    writer = EventWriter(folder.events)
    try:
        writer.write(Launched(os.getpid()))
        with folder.log.open("ab") as log, _blocked(signal.SIGTERM):
            child = subprocess.Popen(  # noqa: S603 - our own module, our own folder
                [*WORKER, str(folder.path.absolute()), str(held)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
                pass_fds=(held,),
            )
        write_pid(held, child.pid)
    except OSError as error:
        with suppress(OSError):
            reason = f"The worker could not be started: {error.strerror}."
            writer.write(Ended(EndStatus.FAILED, 0, 0.0, reason, _ROOM))
        raise
    finally:
        writer.close()
    _children.append(child)
    return child.pid


@contextmanager
def _blocked(number: signal.Signals) -> Iterator[None]:
    """Block a signal in this thread, and so in the processes that it starts."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [number])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _signal(pid: int, number: signal.Signals) -> None:
    """Send a signal to the worker; SIGKILL to its children too, whose group it leads."""
    try:
        if number is signal.SIGKILL and os.getpgid(pid) == pid:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
    except ProcessLookupError:
        return
