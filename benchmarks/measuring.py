"""Figures, and how they are taken: ours and a reference in turn, medians, ratios.

The machine is never quiet. So each repeat measures both sides, one right after the other, who
goes first changes each time, and the ratio is the median of the ratios of the repeats.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from core.errors import UnavailableError

if TYPE_CHECKING:
    import resource
    from collections.abc import Callable, Sequence

#: ``ru_maxrss`` is in kilobytes on Linux and in bytes on macOS.
_RSS_UNIT: Final = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    Args:
        name: what was measured.
        unit: of ``ours`` and ``reference``: ``ms``, ``s``, ``/s``, ``MB``.
        ours: one value for each repeat.
        reference: the other side, value by value of the same repeat; or one value that is known.
        against: what the reference is.
        at_most: the highest ratio ours / reference that is good enough; None: no such bound.
        at_least: the lowest ratio that is good enough.
        floor: the lowest median of ours that is good enough.
        ceiling: the highest median of ours that is good enough.
    """

    name: str
    unit: str
    ours: tuple[float, ...]
    reference: tuple[float, ...]
    against: str
    at_most: float | None = None
    at_least: float | None = None
    floor: float | None = None
    ceiling: float | None = None

    @property
    def our_median(self) -> float:
        """The median of ours."""
        return median(self.ours)

    @property
    def reference_median(self) -> float:
        """The median of the reference."""
        return median(self.reference)

    @property
    def ratio(self) -> float:
        """The median of the ratios of the repeats."""
        if len(self.ours) != len(self.reference):
            return self.our_median / self.reference_median
        return median(a / b for a, b in zip(self.ours, self.reference, strict=True))

    @property
    def target(self) -> str:
        """What is asked for, in words."""
        parts = (
            ("ratio <= {:g}", self.at_most),
            ("ratio >= {:g}", self.at_least),
            (f">= {{:g}} {self.unit}", self.floor),
            (f"<= {{:g}} {self.unit}", self.ceiling),
        )
        return ", ".join(text.format(bound) for text, bound in parts if bound is not None)

    @property
    def met(self) -> bool:
        """Whether every bound is kept."""
        return (
            (self.at_most is None or self.ratio <= self.at_most)
            and (self.at_least is None or self.ratio >= self.at_least)
            and (self.floor is None or self.our_median >= self.floor)
            and (self.ceiling is None or self.our_median <= self.ceiling)
        )


@dataclass(frozen=True, slots=True)
class Usage:
    """What a child process used, with its own children that it waited for.

    ``cpu`` is user and system time and ``wall`` elapsed time, in seconds; ``memory`` is the peak
    of the resident set in bytes, of the largest process of them.
    """

    cpu: float
    wall: float
    memory: int
    status: int


def alternating(
    ours: Callable[[], float], reference: Callable[[], float], repeats: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Call both functions ``repeats`` times in turn and return what each gave."""
    our_values, reference_values = [], []
    for repeat in range(repeats):
        if repeat % 2:
            reference_values.append(reference())
            our_values.append(ours())
        else:
            our_values.append(ours())
            reference_values.append(reference())
    return tuple(our_values), tuple(reference_values)


def child_usage(command: Sequence[str], *, folder: Path | None = None, check: bool = True) -> Usage:
    """Run a command to its end, its output thrown away, and return what it used.

    Raises:
        RuntimeError: it failed and ``check`` is set; its errors are on stderr.
    """
    began = time.perf_counter()
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as child:
        used = reaped(child.pid, began)
        child.returncode = used.status
    if check and used.status:
        raise RuntimeError(f"{command[0]} ended with status {used.status}")
    return used


def reaped(pid: int, began: float) -> Usage:
    """Wait for a child and return what it used; ``began`` is its ``time.perf_counter``."""
    _, status, used = os.wait4(pid, 0)
    wall = time.perf_counter() - began
    return Usage(cpu_of(used), wall, used.ru_maxrss * _RSS_UNIT, os.waitstatus_to_exitcode(status))


def cpu_of(used: resource.struct_rusage) -> float:
    """Return user and system time in seconds."""
    return used.ru_utime + used.ru_stime


def process_cpu(pid: int) -> float:
    """Return the CPU time that a running process has used, all its threads, in seconds.

    On Linux this is the clock of the process, exact to the microsecond; elsewhere ``ps`` tells it
    in hundredths of a second, so measure over many keys.
    """
    if sys.platform == "linux":
        # clock_getcpuclockid(3): the complement of the pid, shifted, with the scheduler's clock.
        return time.clock_gettime((~pid << 3) | 2)
    shown = subprocess.run(
        ["ps", "-o", "cputime=", "-p", str(pid)], check=True, capture_output=True, text=True
    ).stdout.strip()
    seconds = 0.0
    for part in shown.replace("-", ":").split(":"):
        seconds = seconds * 60 + float(part)
    return seconds


def thread_cpu(pid: int) -> float:
    """Return the CPU time of a running process's first thread, in seconds.

    Raises:
        UnavailableError: this system does not tell; Linux does.
    """
    file = Path(f"/proc/{pid}/task/{pid}/schedstat")
    if not file.exists():
        raise UnavailableError(
            "this system does not tell the CPU of one thread", todo="Measure it on Linux."
        )
    return int(file.read_text("ascii").split()[0]) / 1e9
