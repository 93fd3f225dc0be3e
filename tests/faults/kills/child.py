"""The process that is killed: ``python -m tests.faults.kills.child KIND ROOT BESIDE PIPE``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from core.store.engine import engine
from tests.faults.kills.kill_run import READY, killed_work


def main(kind: str, root: str, beside: str, pipe: str) -> None:
    """Do the work, saying on the pipe what is acknowledged, a line at a time."""

    def say(text: str) -> None:
        os.write(int(pipe), f"{text}\n".encode())

    # The libraries are no part of the work.
    engine.connect().close()
    work = killed_work(kind)
    say(READY)
    work.run(Path(root), beside, say)


if __name__ == "__main__":
    main(*sys.argv[1:])
