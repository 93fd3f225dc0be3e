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


class Clocked:
    """A long job that tells how far it is, since when it is at that, and can be stopped.

    Args:
        closing: whether the app is about to end.
    """

    def __init__(self, closing: Callable[[], bool]) -> None:
        self.progress: Progress | None = None
        self.stopping = False
        self._closing = closing
        self._note = ""
        self._since = monotonic()

    def stop(self) -> None:
        """Have it end soon, without its result."""
        self.stopping = True

    @property
    def seconds(self) -> float:
        """How long it is at what it does now."""
        return monotonic() - self._since

    def tell(self, progress: Progress) -> None:
        """Take how far it is; called from its thread."""
        if progress.note != self._note:
            self._note, self._since = progress.note, monotonic()
        self.progress = progress

    def stopped(self) -> bool:
        """Whether it is to end; asked from its thread."""
        return self.stopping or self._closing()


class EvalJob(Clocked):
    """One eval, from the key that started it to its end.

    Args:
        request: what runs.
        closing: whether the app is about to end.
    """

    def __init__(self, request: EvalRequest, closing: Callable[[], bool]) -> None:
        super().__init__(closing)
        self.request = request

    def run(self, store: Store) -> Eval:
        """Run it in this thread.

        Raises:
            RejudgeError: it could not be run, or was stopped.
        """
        from eval.eval_request import run_request
        from eval.watching import Watch

        return run_request(store, self.request, Watch(self.tell, self.stopped))
