"""How a long job tells where it is and is told to stop.

How building a training set tells where it is, and is told to stop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import CancelledError
from core.records import Progress

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class BuildWatch:
    """Whom to tell and whom to ask, after each page of rows."""

    progress: Callable[[Progress], None] = lambda _: None
    cancelled: Callable[[], bool] = lambda: False

    def step(self, done: int, total: int | None, note: str) -> None:
        """Tell how far the work is.

        Raises:
            CancelledError: the work was told to stop.
        """
        if self.cancelled():
            raise CancelledError("building the training set was stopped", todo="Nothing was kept.")
        self.progress(Progress(done, total, note))


def _untold(_: Progress) -> None:
    """Tell nobody."""


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Watch:
    """Whom to tell and whom to ask.

    ``progress`` is told now and then; ``cancelled`` is asked as often.
    """

    progress: Callable[[Progress], None] = _untold
    cancelled: Callable[[], bool] = _never

    def step(self, done: int, total: int | None, note: str) -> None:
        """Tell how far the work is.

        Raises:
            CancelledError: the work was told to stop.
        """
        self.check()
        self.progress(Progress(done, total, note))

    def check(self) -> None:
        """Raise CancelledError when the work was told to stop."""
        if self.cancelled():
            raise CancelledError(
                "the eval was stopped",
                todo="Nothing of it is kept but the documents encoded so far; run it again.",
            )
