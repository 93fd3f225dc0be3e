"""Work killed with SIGKILL at random moments, again and again, until it is done.

A kind of work is a module of this folder, see ``KilledWork``. It runs in a process of its own,
which says on a pipe what it acknowledged. A kill comes at a moment drawn over the measured length
of an unbroken run. After each, what was acknowledged must be there, once, and the next start goes
on; the one that nobody kills must end where an unbroken run ends.
"""

from __future__ import annotations

import math
import os
import random
import select
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, cast

from core.errors import StoreDamagedError
from core.store.recovery import restore
from core.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

KINDS: Final = ("labelling", "judging", "importing", "encoding", "evaluating", "training")
READY: Final = "ready"
HOUSE: Final = Path(__file__).parents[3]
#: Seconds in which a child must be ready, or an unbroken run at its end.
_PATIENCE: Final = 300.0


class KilledWork(Protocol):
    """What the module of a kind of work offers."""

    def prepare(self, root: Path) -> None:
        """Make the workspace that the work begins with."""

    def beside(self) -> AbstractContextManager[str]:
        """Keep up what the work needs beside its process; its string is given to ``run``."""

    def run(self, root: Path, beside: str, say: Callable[[str], None]) -> None:
        """Do what is left of the work, saying each thing once it is acknowledged."""

    def kept(self, root: Path) -> Sequence[str]:
        """Return what is there of the things that are said, each as often as it is there.

        Fails when something is there by half.
        """

    def check_whole(self, root: Path, unbroken: Path) -> None:
        """Fail unless the work is done, as it is in the workspace of a run that nobody killed."""


@dataclass
class KillCounts:
    """What a kill run counted.

    ``seconds`` is the length of an unbroken run, ``ends`` how often the work came to its end;
    ``restored`` counts databases that a kill damaged and ``rejudge doctor --restore`` brought back.
    """

    kind: str
    seconds: float = 0.0
    kills: int = 0
    ends: int = 0
    acknowledged: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    restored: int = 0

    HEAD = "| work | unbroken run, s | kills | ends | acknowledged | lost | doubled | restored |"

    def row(self) -> str:
        """Return the counts as a row under ``HEAD``."""
        return (
            f"| {self.kind} | {self.seconds:.2f} | {self.kills} | {self.ends} |"
            f" {self.acknowledged} | {len(self.lost)} | {len(self.doubled)} | {self.restored} |"
        )


def killed_work(kind: str) -> KilledWork:
    """Return the module of a kind of work."""
    return cast("KilledWork", import_module(f"tests.faults.kills.{kind}"))


def kill_run(kind: str, kills: int, folder: Path, seconds: float = math.inf) -> KillCounts:
    """Kill a kind of work so many times and return what was counted.

    Args:
        kind: one of ``KINDS``.
        kills: how many.
        folder: an empty folder for the workspaces.
        seconds: after these no more kills are begun.
    """
    until = time.monotonic() + seconds
    work, counts = killed_work(kind), KillCounts(kind)
    chance = random.Random(kind)  # noqa: S311 - when to kill, no secret
    template, unbroken = folder / "template", folder / "unbroken"
    work.prepare(template)
    with work.beside() as beside:
        shutil.copytree(template, unbroken)
        counts.seconds = _Child(kind, unbroken, beside).seconds_to_end()
        work.check_whole(unbroken, unbroken)

        def enough() -> bool:
            return counts.kills >= kills or time.monotonic() > until

        while not enough():
            root = folder / "killed"
            shutil.copytree(template, root)
            _kill_until_done(_Story(work, counts, root, unbroken, beside), chance, enough)
            shutil.rmtree(root)
    return counts


@dataclass
class _Story:
    """One workspace from its beginning to the end of the work."""

    work: KilledWork
    counts: KillCounts
    root: Path
    unbroken: Path
    beside: str
    acknowledged: set[str] = field(default_factory=set)

    def hear(self, said: Sequence[str]) -> None:
        self.counts.acknowledged += len(set(said) - self.acknowledged)
        self.acknowledged.update(said)

    def look(self) -> None:
        """Compare what is there with what was acknowledged."""
        try:
            kept = self.work.kept(self.root)
        except StoreDamagedError:
            restore(Workspace(self.root).folder)
            self.counts.restored += 1
            kept = self.work.kept(self.root)
        self.counts.lost += sorted(self.acknowledged - set(kept))
        self.counts.doubled += [one for one, times in Counter(kept).items() if times > 1]


def _kill_until_done(story: _Story, chance: random.Random, enough: Callable[[], bool]) -> None:
    counts = story.counts
    while True:
        child = _Child(counts.kind, story.root, story.beside)
        if enough():
            child.seconds_to_end()
            killed = False
        else:
            killed = child.killed_after(chance.uniform(0, counts.seconds))
        story.hear(child.said)
        story.look()
        if not killed:
            story.work.check_whole(story.root, story.unbroken)
            counts.ends += 1
            return
        counts.kills += 1


class _Child:
    """A process at work: what it said, and the moment at which it was ready."""

    def __init__(self, kind: str, root: Path, beside: str) -> None:
        self.said: list[str] = []
        self._rest = b""
        self._pipe, writing = os.pipe()
        words = [sys.executable, "-P", "-m", "tests.faults.kills.child", kind, str(root), beside]
        self._errors = root.with_suffix(".errors")
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [*words, str(writing)],
                cwd=HOUSE,
                env=os.environ | {"PYTHONPATH": str(HOUSE)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                pass_fds=[writing],
            )
        os.close(writing)
        while READY not in self.said:
            assert self._hear(_PATIENCE), self._fallen()
        self.said.remove(READY)
        self._ready = time.monotonic()

    def seconds_to_end(self) -> float:
        """Let it come to its end and return how long that took."""
        while self._hear(_PATIENCE):
            pass
        self._ended()
        os.close(self._pipe)
        return time.monotonic() - self._ready

    def killed_after(self, seconds: float) -> bool:
        """Kill it at that moment; return whether it had not come to its end by itself."""
        moment = self._ready + seconds
        while (left := moment - time.monotonic()) > 0 and self._hear(left):
            pass
        killed = self._process.poll() is None
        self._process.kill()
        if not killed:
            self._ended()
        self._process.wait()
        os.set_blocking(self._pipe, False)
        while self._hear(0):
            pass
        os.close(self._pipe)
        return killed and self._process.returncode < 0

    def _hear(self, seconds: float) -> bool:
        """Wait for something to be said; return whether something was."""
        ready, _, _ = select.select([self._pipe], [], [], seconds)
        read = os.read(self._pipe, 1 << 16) if ready else b""
        *lines, self._rest = (self._rest + read).split(b"\n")
        self.said += [line.decode() for line in lines]
        return bool(read)

    def _ended(self) -> None:
        assert self._process.wait(_PATIENCE) == 0, self._fallen()

    def _fallen(self) -> str:
        return f"the work fell: {self._errors.read_text(errors='replace')[-2000:]}"
