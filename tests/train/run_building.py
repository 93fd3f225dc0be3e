"""Runs for tests: their folders, their events, and a worker that only pretends to train."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from train.config import RunConfig, write_config
from train.runs.events import (
    Checkpointed,
    Ended,
    EndStatus,
    Evaluated,
    Started,
    Stepped,
    event_line,
)
from train.runs.folder import RUNS_NAME, RunFolder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from train.runs.events import RunEvent

CONFIG = RunConfig(base="offline", specs=("searches",))
START = Started(1, 0, 40, 12, 80, 96, 3, 22_713_216, 22_713_216, "cpu")
TIME = datetime(2030, 5, 3, 12)
HOUSE = Path(__file__).parents[2]

#: Writes the events that a worker writes, until it is asked to stop. It holds the lock that it was
#: started with.
PRETENDER = """
import os, signal, sys, time
from pathlib import Path
from train.runs.events import EventWriter
from train.runs.events import Checkpointed, EndStatus, Ended, Started, Stepped
from train.runs.folder import RunFolder
folder = RunFolder(Path(sys.argv[1]))
stopping = []
signal.signal(signal.SIGTERM, lambda *_: stopping.append(1))
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
print("a word of a library", file=sys.stderr, flush=True)
events = EventWriter(folder.events)
first = len(list(folder.checkpoints.glob("step-*"))) * 2
events.write(Started(os.getpid(), first, 1000, 3, 5, 8, 1, 10, 10, "cpu"))
for step in range(first + 1, 1001):
    events.write(Stepped(step, 1000, step / 10, 1 / step, {}, 1e-5, 1.0, 5.0, 9.0, 1 << 20))
    while step >= first + 2 and not stopping and sys.argv[0] != "quick":
        time.sleep(0.01)
    if stopping:
        break
name = f"step-{step:06d}"
(folder.checkpoints / name).mkdir(parents=True)
events.write(Checkpointed(step, name))
events.write(Ended(EndStatus.STOPPED, step, 1.5, "it was told to stop", "Resume it."))
"""


def pretended_worker(program: str = PRETENDER) -> tuple[str, ...]:
    """Return the command of a worker that runs a program of the test."""
    program = f"import sys; sys.path.insert(0, {str(HOUSE)!r})\n{program}"
    return (sys.executable, "-P", "-c", program)


def event_lines(*events: RunEvent, start: datetime = TIME) -> str:
    """Return events as they stand in a file, a second apart."""
    return "".join(
        event_line(event, start + timedelta(seconds=number)) + "\n"
        for number, event in enumerate(events)
    )


def steps(first: int, last: int, total: int = 40) -> list[RunEvent]:
    """Return steps whose loss falls."""
    return [
        Stepped(
            step,
            total,
            3 * step / total,
            2.0 / (1 + step / 8),
            {"contrastive": 2.0 / (1 + step / 8)},
            2e-5 * (1 - step / total),
            0.9,
            5.4,
            3.0 * (total - step),
            1_500_000_000,
        )
        for step in range(first, last + 1)
    ]


def whole_run() -> list[RunEvent]:
    """Return the events of a run from its start to its end."""
    return [
        START,
        *steps(1, 20),
        Evaluated(20, "nDCG@10", 0.71, best=True),
        Checkpointed(20, "step-000020"),
        *steps(21, 40),
        Evaluated(40, "nDCG@10", 0.83, best=True),
        Checkpointed(40, "step-000040"),
        Ended(EndStatus.FINISHED, 40, 121.0),
    ]


def make_run(
    workspace: Path,
    name: str = "20300503-120000-contrastive-0001",
    events: Iterable[RunEvent] = (),
    config: RunConfig = CONFIG,
    log: str = "",
) -> RunFolder:
    """Make a run's folder in a ``.rejudge`` folder."""
    folder = RunFolder(workspace / RUNS_NAME / name)
    folder.path.mkdir(parents=True)
    write_config(replace(config), folder.config)
    text = event_lines(*events)
    if text:
        folder.events.write_text(text, encoding="utf-8")
    if log:
        folder.log.write_text(log, encoding="utf-8")
    return folder
