"""The end of the app when its terminal is gone.

A terminal that is closed is told by SIGHUP, which ends the app; what was done is on disk. Where
that signal is ignored (``nohup``, some session managers) the app would go on with nobody in front
of it, read the end of its input over and over, and keep the workspace from everybody else.
"""

from __future__ import annotations

import os
import signal
import sys


class TerminalWatch:
    """Remembers whether there was a terminal on stdin."""

    def __init__(self) -> None:
        self._descriptor = _terminal()

    def look(self) -> None:
        """End the process, as SIGHUP would have, when there was one and it has been closed.

        To leave in order, Textual would write to the terminal, and wait for it for ever.
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
