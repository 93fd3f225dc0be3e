"""Progress and cancellation of long work."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from core.errors import CancelledError
from core.records import Progress

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Job:
    """The callbacks that long work reports to, and the words for its cancellation.

    Attributes:
        progress: receives how far the work is, from time to time.
        cancelled: polled as often; once it returns True the work stops.
        work: names the work in the error of a cancelled job: ``the evaluation``.
        aftermath: what a cancelled job leaves behind and what to do next, a sentence.
    """

    progress: Callable[[Progress], None] = lambda _: None
    cancelled: Callable[[], bool] = lambda: False
    work: str = "the job"
    aftermath: str = ""

    def named(self, work: str, aftermath: str) -> Job:
        """Return the same job under the name of the work that it does."""
        return replace(self, work=work, aftermath=aftermath)

    def step(self, done: int, total: int | None, note: str = "") -> None:
        """Report progress.

        Raises:
            CancelledError: the job was cancelled.
        """
        self.check()
        self.progress(Progress(done, total, note))

    def check(self) -> None:
        """Raise CancelledError if the job was cancelled."""
        if self.cancelled():
            raise CancelledError(f"{self.work} was cancelled", todo=self.aftermath)
