"""Grade and next through the store, without a screen: what one label costs until it is on disk."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from benchmarks.measuring import Figure, alternating
from benchmarks.million_pairs import workspace_of
from core.records import GRADES
from core.store import Store
from labels.audit_session import AuditSession

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL: Final = 10_000
#: Several refills fall into each round.
LABELS_A_ROUND: Final = 1_000
ROUNDS: Final = 5
FLOOR: Final = 220
SAME: Final = 0.9


def measure(pairs: int) -> list[Figure]:
    """Label in a workspace of ``pairs`` and in a small one, in turn."""
    with ExitStack() as stack:
        large, small = (_labelling(stack, size) for size in (pairs, SMALL))
        large_rates, small_rates = alternating(large, small, ROUNDS)
    return [
        Figure(
            name=f"labels written, {pairs:,} pairs",
            unit="/s",
            ours=large_rates,
            reference=small_rates,
            against=f"the same with {SMALL:,} pairs",
            at_least=SAME,
            floor=FLOOR,
        )
    ]


def _labelling(stack: ExitStack, pairs: int) -> Callable[[], float]:
    """Return a function that gives the labels per second of its next round."""
    workspace = stack.enter_context(workspace_of(pairs))
    store = stack.enter_context(Store.open(workspace.folder))
    session = AuditSession.start(store, "ada")

    def label() -> float:
        began = time.perf_counter()
        for number in range(LABELS_A_ROUND):
            session.grade(GRADES[number % len(GRADES)], milliseconds=2_000)
            session.advance()
        return LABELS_A_ROUND / (time.perf_counter() - began)

    return label
