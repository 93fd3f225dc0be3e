"""The app's terminal: how the app ends when it is closed, and errors that are safe to print.

A closed terminal sends SIGHUP, which ends the app; all work is on disk. Where that signal is
ignored (``nohup``, some session managers) the app would run on without a person, read the end of
its input over and over, and keep the workspace locked.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from core.text import NOT_YOURS, crash_text, safe_text

if TYPE_CHECKING:
    from types import TracebackType


class TerminalWatch:
    """Remembers whether stdin is a terminal."""

    def __init__(self) -> None:
        self._descriptor = _terminal()

    def check(self) -> None:
        """End the process, as SIGHUP would, when the terminal was closed.

        An orderly exit is not possible: Textual would write to the terminal and wait for ever.
        """
        if self._descriptor is not None and not os.isatty(self._descriptor):
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGHUP)


def _terminal() -> int | None:
    try:
        descriptor = sys.__stdin__.fileno() if sys.__stdin__ is not None else -1
    except (OSError, ValueError):
        return None
    return descriptor if descriptor >= 0 and os.isatty(descriptor) else None


class _SafeFormatter(logging.Formatter):
    """Formats the log records of libraries, such as asyncio's lost errors."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record, safe to print."""
        return safe_text(super().format(record))


def install() -> None:
    """Report uncaught errors of this process without secrets or control characters.

    Python prints an uncaught error with whatever a file of the corpus put into its message.
    """
    sys.excepthook = _report
    sys.unraisablehook = _report_unraisable
    threading.excepthook = _report_of_thread
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_SafeFormatter())


def _report(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
    print(f"{crash_text(error)}\nrejudge: {NOT_YOURS}", file=sys.stderr)


def _report_of_thread(uncaught: threading.ExceptHookArgs) -> None:
    if uncaught.exc_value is not None:
        print(crash_text(uncaught.exc_value), file=sys.stderr)


def _report_unraisable(uncaught: sys.UnraisableHookArgs) -> None:
    if uncaught.exc_value is not None:
        print(crash_text(uncaught.exc_value), file=sys.stderr)
