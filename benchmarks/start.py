"""From exec to paint in a pseudo-terminal: process CPU, beside a bare Textual app.

The child is killed the moment the terminal shows what is waited for, and the kernel tells what it
used, its own children included.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.measuring import Figure, alternating
from benchmarks.million_pairs import workspace_of
from benchmarks.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

REPEATS: Final = 15
FIRST_PAINT: Final = 1.15
FIRST_PAIR: Final = 1.6

BARE: Final = (sys.executable, str(Path(__file__).with_name("bare_app.py")))
ALONE: Final = (
    sys.executable,
    "-c",
    "import sys; from tui.cli.main import main; sys.exit(main())",
)
AUDIT: Final = (
    sys.executable,
    "-c",
    "import sys; from tui.app import open_app; sys.exit(open_app(None, screen='audit'))",
)


def measure(pairs: int) -> list[Figure]:
    """Measure the start alone, then to the first painted pair, each beside the bare app."""
    with tempfile.TemporaryDirectory(prefix="rejudge-bench-") as name:
        bare = _until(BARE, "bare and painted", Path(name))
        alone = alternating(_until(ALONE, "rejudge", Path(name)), bare, REPEATS)
        with workspace_of(pairs) as workspace:
            first_pair = _until(AUDIT, "how do we", workspace.root)
            audit = alternating(first_pair, bare, REPEATS)
    against = "a bare Textual app"
    return [
        Figure("start to first paint, CPU", "ms", *alone, against, at_most=FIRST_PAINT),
        Figure(
            f"start to first painted pair of {pairs:,}, CPU",
            "ms",
            *audit,
            against,
            at_most=FIRST_PAIR,
        ),
    ]


def _until(command: Sequence[str], text: str, folder: Path) -> Callable[[], float]:
    """Return a function that gives the CPU milliseconds of a start until a text is painted."""

    def start() -> float:
        with Terminal(command, folder) as terminal:
            terminal.wait_for(text)
            return 1000 * terminal.kill().cpu

    return start
