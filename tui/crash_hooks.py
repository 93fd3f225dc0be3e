"""What reaches stderr when rejudge itself is at fault, made safe to show.

Python writes an error that nobody caught as it is, with whatever a file of the corpus put into its
message. The app's own screen is left in ``RejudgeApp``; here is what remains.
"""

from __future__ import annotations

import logging
import sys
import threading
from typing import TYPE_CHECKING

from core.crash_text import NOT_YOURS, crash_text, safe_text

if TYPE_CHECKING:
    from types import TracebackType


class _SafeFormatter(logging.Formatter):
    """Of what libraries log when nothing else was set up, such as asyncio's lost errors."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record, safe to show."""
        return safe_text(super().format(record))


def install() -> None:
    """Have errors that nobody caught told without keys and controls, in this whole process."""
    sys.excepthook = _tell
    sys.unraisablehook = _tell_unraisable
    threading.excepthook = _tell_of_thread
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_SafeFormatter())


def _tell(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
    print(f"{crash_text(error)}\nrejudge: {NOT_YOURS}", file=sys.stderr)


def _tell_of_thread(told: threading.ExceptHookArgs) -> None:
    if told.exc_value is not None:
        print(crash_text(told.exc_value), file=sys.stderr)


def _tell_unraisable(told: sys.UnraisableHookArgs) -> None:
    if told.exc_value is not None:
        print(crash_text(told.exc_value), file=sys.stderr)
