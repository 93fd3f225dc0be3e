"""An eval that runs while a person looks on."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.records import Progress
    from core.store import Store
    from eval.eval_request import EvalRequest
    from eval.evaluating_records import Eval


class EvalJob:
    """One eval, from the key that started it to its end.

    Args:
        request: what runs.
        closing: whether the app is about to end.
    """

    def __init__(self, request: EvalRequest, closing: Callable[[], bool]) -> None:
        self.request = request
        self.progress: Progress | None = None
        self.stopping = False
        self._closing = closing
        self._note = ""
        self._since = monotonic()

    def run(self, store: Store) -> Eval:
        """Run it in this thread.

        Raises:
            RejudgeError: it could not be run, or was stopped.
        """
        from eval.eval_request import run_request
        from eval.watching import Watch

        return run_request(store, self.request, Watch(self._tell, self._stopped))

    def stop(self) -> None:
        """Have it end soon, without an eval."""
        self.stopping = True

    @property
    def seconds(self) -> float:
        """How long it is at what it does now."""
        return monotonic() - self._since

    def _tell(self, progress: Progress) -> None:
        if progress.note != self._note:
            self._note, self._since = progress.note, monotonic()
        self.progress = progress

    def _stopped(self) -> bool:
        return self.stopping or self._closing()
