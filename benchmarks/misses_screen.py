"""The misses screen with an eval of 10,000 queries: opened, and from query to query.

Opening is the CPU time from the key on home to the painted list, beside the same key in a workspace
without an eval. Going to the next query is measured as grading is (``key_to_paint``): beside a bare
app that swaps the same codes in a plain Static.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.many_queries import FILES, question, workspace_with_queries
from benchmarks.measuring import Figure, alternating
from benchmarks.start import ALONE, BARE
from benchmarks.terminal import Terminal
from core.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.workspace import Workspace

QUERIES: Final = 10_000
REPEATS: Final = 9
OPENING: Final = 2.0
MOVING: Final = 1.5
BATCHES: Final = 8
KEYS_A_BATCH: Final = 10
REST: Final = 0.1
#: Painted by home when the workspace has been read.
_HOME: Final = "NEXT"


def measure(_: int) -> list[Figure]:
    """Measure opening the screen, then moving between its queries."""
    with workspace_with_queries(QUERIES) as full, workspace_with_queries(0) as empty:
        opening = alternating(
            _opening(full, question(0)[:12]), _opening(empty, "No eval yet"), REPEATS
        )
        moving = _moving(full)
    return [
        Figure(
            f"misses of {QUERIES:,} queries opened, CPU",
            "ms",
            *opening,
            "the same screen without an eval",
            at_most=OPENING,
        ),
        Figure(
            "key to the next query's codes, CPU",
            "ms",
            *moving,
            "a plain Static",
            at_most=MOVING,
        ),
    ]


def _opening(workspace: Workspace, text: str) -> Callable[[], float]:
    """Return a function that gives the CPU milliseconds from the key until a text is painted."""

    def once() -> float:
        with Terminal(ALONE, workspace.root) as terminal:
            terminal.wait_for(_HOME)
            terminal.settle(1)
            before = terminal.cpu
            terminal.press("m")
            terminal.wait_for(text)
            return 1000 * (terminal.cpu - before)

    return once


def _moving(workspace: Workspace) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Go from query to query while the bare app swaps the wanted files' codes."""
    with Store.open(workspace.folder) as store:
        rows = store.read("SELECT path, text FROM db.documents WHERE in_corpus")
    texts = {int(path.rpartition("_")[2].removesuffix(".rs")): text for path, text in rows}
    keys = BATCHES * KEYS_A_BATCH + 1
    codes = [texts[number % FILES] for number in range(keys + 1)]
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "codes.json"
        file.write_text(json.dumps(codes), "utf-8")
        with (
            Terminal(ALONE, workspace.root) as ours,
            Terminal((*BARE, str(file)), Path(name)) as bare,
        ):
            ours.wait_for(_HOME)
            ours.press("m")
            ours.wait_for("file_0_begins")
            bare.wait_for("code 0 begins")
            return alternating(
                _batches(ours, "]", "file_{}_begins"),
                _batches(bare, "1", "code {} begins"),
                BATCHES,
            )


def _batches(terminal: Terminal, key: str, text: str) -> Callable[[], float]:
    """Return a function that presses the key some times and gives the CPU milliseconds of one."""
    terminal.settle(1)
    shown = 0

    def press(count: int) -> float:
        nonlocal shown
        before = terminal.cpu
        for _ in range(count):
            shown += 1
            terminal.press(key)
            terminal.wait_for(text.format(shown))
            terminal.settle(REST)
        return 1000 * (terminal.cpu - before) / count

    press(1)
    return lambda: press(KEYS_A_BATCH)
