"""Stopping a run: the worker finishes its step, writes a checkpoint and ends as ``stopped``."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from train.run_launch import is_alive, is_starting, worker_at_work, worker_pid

if TYPE_CHECKING:
    from collections.abc import Callable

    from train.run_folder import RunFolder

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
