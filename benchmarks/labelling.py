"""Grade and next through the store, without a screen: what one label costs until it is on disk."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from benchmarks.measuring import Figure
from benchmarks.million_pairs import workspace_of
from core.records import GRADES
from core.store.opening import open_store
from labels.audit.session import AuditSession

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL: Final = 10_000
#: Several refills fall into each round.
LABELS_A_ROUND: Final = 1_000
ROUNDS: Final = 5
FLOOR: Final = 220
SAME: Final = 0.9

#: Labels per second, and the CPU milliseconds of one.
Round = tuple[float, float]


def measure(pairs: int) -> list[Figure]:
    """Label in a workspace of ``pairs`` and in a small one, in turn."""
    with ExitStack() as stack:
        large, small = (_labelling(stack, size) for size in (pairs, SMALL))
        rounds = [_in_turn(large, small, number) for number in range(ROUNDS)]
    large_rates, large_cpu, small_rates, small_cpu = zip(*rounds, strict=True)
    against = f"the same with {SMALL:,} pairs"
    return [
        Figure(
            name=f"labels written, {pairs:,} pairs",
            unit="/s",
            ours=large_rates,
            reference=small_rates,
            against=against,
            at_least=SAME,
            floor=FLOOR,
        ),
        Figure(
            name=f"label written, {pairs:,} pairs, CPU",
            unit="ms",
            ours=large_cpu,
            reference=small_cpu,
            against=against,
            # What a whole core can do at the rate that is asked for.
            ceiling=1000 / FLOOR,
        ),
    ]


def _in_turn(
    large: Callable[[], Round], small: Callable[[], Round], number: int
) -> tuple[float, float, float, float]:
    if number % 2:
        on_small, on_large = small(), large()
    else:
        on_large, on_small = large(), small()
    return (*on_large, *on_small)


def _labelling(stack: ExitStack, pairs: int) -> Callable[[], Round]:
    """Return a function that labels a round: labels per second, CPU milliseconds of one."""
    workspace = stack.enter_context(workspace_of(pairs))
    store = stack.enter_context(open_store(workspace.folder))
    session = AuditSession.start(store, "ada")

    def label() -> Round:
        began, used = time.perf_counter(), time.process_time()
        for number in range(LABELS_A_ROUND):
            session.grade(GRADES[number % len(GRADES)], milliseconds=2_000)
            session.advance()
        wall, cpu = time.perf_counter() - began, time.process_time() - used
        return LABELS_A_ROUND / wall, 1000 * cpu / LABELS_A_ROUND

    return label
