"""Starting a run's worker: a process of its own that outlives the one that starts it.

What a worker tells goes to its folder, so whoever looks on reads there and no pipe ties the two
together. ``launch.json`` in the folder says who was started, for the seconds until the worker has
its lock and says so itself.
"""

from __future__ import annotations

import json
import os
import site
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.errors import InputError, WorkspaceError

if TYPE_CHECKING:
    from train.run_folder import RunFolder

#: What Python is told to run, before the run's folder.
WORKER: tuple[str, ...] = ("-m", "train.worker")
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
                [sys.executable, "-P", *WORKER, str(folder.path.absolute())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
                env=_environment(),
            )
        _children[folder.path.absolute()] = child
        started = Launch(child.pid, time.time(), told)
        unfinished = folder.launch.with_suffix(".unfinished")
        document = {"pid": started.pid, "launched": started.launched, "told": started.told}
        unfinished.write_text(json.dumps(document), encoding="utf-8")
        unfinished.replace(folder.launch)
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
    import fcntl

    _reap()
    try:
        with folder.lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


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
    house = str(Path(__file__).resolve().parents[1])
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
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


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
