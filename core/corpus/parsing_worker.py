"""The process in which files are parsed, so that a parser that crashes takes nothing with it.

Each line on stdin is a JSON list of files, ``[language, text]`` each. Each line on stdout answers
one of them, in their order, with its definitions, ``[symbol, kind, start, end]`` each. The first
line on stdout says only that the process is ready. It ends with its stdin.
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
    """Answer what comes on stdin.

    The arguments are the seconds that a file may take and the bytes of memory that the process may
    have. The process that started this one keeps the time; the alarm is for when it is gone.
    """
    seconds, memory = float(sys.argv[1]), int(sys.argv[2])
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="ascii")
    os.dup2(2, 1)
    _limit(memory)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    print(json.dumps(READY), file=answers)
    for line in sys.stdin.buffer:
        for language, text in json.loads(line):
            signal.setitimer(signal.ITIMER_REAL, 2 * seconds + 1)
            found = outline(language, text)
            signal.setitimer(signal.ITIMER_REAL, 0)
            told = [[each.symbol, each.kind, each.start, each.end] for each in found or ()]
            print(json.dumps(told, separators=(",", ":")), file=answers)


def _limit(memory: int) -> None:
    """Set what the platform lets be set; a core file would hold other people's code."""
    import resource

    for kind, wanted in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CORE, 0)):
        _, most = resource.getrlimit(kind)
        limit = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (limit, most))


if __name__ == "__main__":
    main()
