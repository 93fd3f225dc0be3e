"""The misses screen with an eval of 10,000 queries: opened, and from query to query.

Opening is the CPU time from the key on home to the painted list, beside the same key in a workspace
without an eval. Going to the next query, which paints two codes, is measured beside the audit
screen, where a key writes a label and paints one (``key_to_paint``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.key_to_paint import BATCHES, first_pairs, pressing
from benchmarks.many_queries import question, workspace_with_queries
from benchmarks.measuring import Figure, alternating
from benchmarks.million_pairs import workspace_of
from benchmarks.start import ALONE, AUDIT
from benchmarks.terminal import Terminal
from core.records import GRADES

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.workspace import Workspace

QUERIES: Final = 10_000
REPEATS: Final = 9
OPENING: Final = 2.0
#: Like the audit screen, though it paints two codes where that paints one.
MOVING: Final = 1.25
#: Pairs of the workspace that is audited beside it.
AUDITED: Final = 10_000
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
            "grading on the audit screen",
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
    """Go from query to query while the audit screen goes from pair to pair."""
    with workspace_of(AUDITED) as audited:
        queries, _ = first_pairs(audited)
        misses = [f"file_{number}_begins" for number in range(len(queries))]
        with (
            Terminal(ALONE, workspace.root) as ours,
            Terminal(AUDIT, audited.root) as audit,
        ):
            ours.wait_for(_HOME)
            ours.press("m")
            return alternating(
                pressing(ours, misses, "]"),
                pressing(audit, queries, "".join(map(str, GRADES))),
                BATCHES,
            )
