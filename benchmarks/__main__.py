"""``python -m benchmarks [NAME ...] [--pairs N] [--json]``: measure and print a table."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol, cast

from benchmarks.table import json_text, table_text
from core.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.measuring import Figure

#: The module of each benchmark has its name.
BENCHMARKS: Final[dict[str, str]] = {
    "key_to_paint": "key to painted next pair in a pseudo-terminal",
    "labelling": "grade and next through the store, no screen",
    "start": "start to first paint and to the first painted pair",
    "import_pairs": "a scored file read in",
    "judging": "a local server that answers in 50 ms",
    "calibration": "few labels held out, and a million judgments calibrated",
    "keys_beside_refit": "key to painted next pair while the grades are calibrated again",
    "training_set": "a training set out of a large workspace",
    "misses_screen": "the misses of 10,000 queries opened, and from one to the next",
    "encoding": "a corpus encoded",
    "training": "an encoder trained, beside PyTorch",
    "maxsim": "exact MaxSim beside the same formula written plainly",
}
PAIRS: Final = 1_000_000


class Benchmark(Protocol):
    """What the module of a benchmark offers."""

    def measure(self, pairs: int) -> Sequence[Figure]:
        """Take the figures; ``pairs`` is the size of the large workspace or file.

        Raises:
            UnavailableError: this machine lacks what it needs.
        """


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of all benchmarks, and why some are missing."""

    figures: tuple[Figure, ...]
    missing: tuple[str, ...]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what is named, or everything, and return 1 when a target was not met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    names = ", ".join(BENCHMARKS)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all, or some of: {names}")
    parser.add_argument("--pairs", type=int, default=PAIRS, help=f"default {PAIRS:,}")
    parser.add_argument("--json", action="store_true", help="with the value of every repeat")
    arguments = parser.parse_args(argv)
    unknown = [name for name in arguments.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {names}")
    measured = measure_all(arguments.names or list(BENCHMARKS), arguments.pairs)
    print(json_text(measured.figures) if arguments.json else table_text(measured.figures))
    for line in measured.missing:
        print(f"not measured: {line}", file=sys.stderr)
    return 0 if all(figure.met for figure in measured.figures) else 1


def measure_all(names: Sequence[str], pairs: int) -> Measured:
    """Run the benchmarks one after another, telling on stderr which is at work."""
    figures: list[Figure] = []
    missing = []
    for name in names:
        print(f"{name}: {BENCHMARKS[name]} ...", file=sys.stderr, flush=True)
        benchmark = cast("Benchmark", import_module(f"benchmarks.{name}"))
        try:
            figures += benchmark.measure(pairs)
        except UnavailableError as error:
            missing.append(f"{name}: {error.headline}")
    return Measured(tuple(figures), tuple(missing))


if __name__ == "__main__":
    sys.exit(main())
