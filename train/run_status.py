"""What a run is doing, told from its folder alone."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from train.run_launch import is_starting, last_launch, worker_at_work

if TYPE_CHECKING:
    from train.run_folder import RunFolder
    from train.run_progress import RunProgress


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
