"""A trial of a rubric that runs while a person looks on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.store import Store
    from labels.judge.judging_records import JudgingProgress
    from labels.workshop.trial import Trial, TrialResult


class TrialJob:
    """One trial, from the key that started it to its end.

    Args:
        trial: what runs.
        closing: whether the app is about to end.
    """

    def __init__(self, trial: Trial, closing: Callable[[], bool]) -> None:
        self.trial = trial
        self.progress: JudgingProgress | None = None
        self.stopping = False
        self._closing = closing

    def run(self, store: Store) -> TrialResult:
        """Run it in this thread.

        Raises:
            RejudgeError: it could not be run.
        """
        from labels.workshop.trial import run_trial

        return run_trial(store, self.trial, progress=self._tell, cancelled=self._stopped)

    def stop(self) -> None:
        """Have it end soon; what was judged is kept."""
        self.stopping = True

    def _tell(self, progress: JudgingProgress) -> None:
        self.progress = progress

    def _stopped(self) -> bool:
        return self.stopping or self._closing()
