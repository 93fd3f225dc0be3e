"""The worker process that parses files, so that a parser's crash takes nothing with it.

A line on stdin is a JSON list of files ``[language, text]``. The answer to each file is a line on
stdout with a list of its definitions ``[symbol, kind, start, end]``. The first line on stdout says
that the process is ready. It ends when stdin does.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import suppress
from typing import Final

from core.corpus.definitions import outline

READY: Final = "ready"


def main() -> None:
    """Answer the lines on stdin.

    The command line has the seconds per file and the bytes of memory for the process. The parent
    enforces the time; the alarm is for when the parent is gone.
    """
    seconds, memory = float(sys.argv[1]), int(sys.argv[2])
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="ascii")
    os.dup2(2, 1)
    _set_limits(memory)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    print(json.dumps(READY), file=answers)
    for line in sys.stdin.buffer:
        for language, text in json.loads(line):
            signal.setitimer(signal.ITIMER_REAL, 2 * seconds + 1)
            found = outline(language, text)
            signal.setitimer(signal.ITIMER_REAL, 0)
            rows = [[each.symbol, each.kind, each.start, each.end] for each in found or ()]
            print(json.dumps(rows, separators=(",", ":")), file=answers)


def _set_limits(memory: int) -> None:
    """Set the limits that the platform has; no core files, which would hold people's code."""
    import resource

    for kind, wanted in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CORE, 0)):
        _, highest = resource.getrlimit(kind)
        limit = wanted if highest == resource.RLIM_INFINITY else min(wanted, highest)
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (limit, highest))


if __name__ == "__main__":
    main()
