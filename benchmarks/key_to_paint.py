"""From a grade key to the next painted pair: process CPU a key, label on disk, beside a bare app.

Both sides show the same codes in the same order in terminals of one size. The bare app swaps them
in a plain Static; ours grades, writes the label, draws, colours and paints the next pair. After
each paint both get the same rest, and what is done in it counts: our work ahead, too.
"""

from __future__ import annotations

import json
import tempfile
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.measuring import Figure, alternating
from benchmarks.million_pairs import workspace_of
from benchmarks.start import AUDIT, BARE
from benchmarks.terminal import Terminal
from core.records import GRADES
from core.store.opening import open_store
from labels.audit.session import AuditSession

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.workspace import Workspace

#: 40 keys for each side, the medians over batches: from the 50th label on the queue no longer
#: takes turns among the scores but looks for what is uncertain, and its order is not known before.
BATCHES: Final = 4
KEYS_A_BATCH: Final = 10
WARM_UP: Final = 5
#: Seconds after each paint; a quick person needs three.
REST: Final = 0.1
AT_MOST: Final = 1.5

_KEYS: Final = BATCHES * KEYS_A_BATCH + WARM_UP


def measure(pairs: int) -> list[Figure]:
    """Grade in a workspace of ``pairs`` while the bare app swaps the same codes."""
    with workspace_of(pairs) as workspace, tempfile.TemporaryDirectory() as name:
        queries, codes = first_pairs(workspace)
        file = Path(name) / "codes.json"
        file.write_text(json.dumps(codes), "utf-8")
        swapped = [f"code {number} begins" for number in range(len(codes))]
        with (
            Terminal(AUDIT, workspace.root) as ours,
            Terminal((*BARE, str(file)), Path(name)) as bare,
        ):
            values = alternating(
                pressing(ours, queries, "".join(map(str, GRADES))),
                pressing(bare, swapped, "1"),
                BATCHES,
            )
        _check(workspace)
    return [
        Figure(
            f"key to next pair of {pairs:,}, CPU",
            "ms",
            *values,
            "a plain Static, nothing written",
            at_most=AT_MOST,
        )
    ]


def first_pairs(workspace: Workspace) -> tuple[list[str], list[str]]:
    """Return what begins the queries of the pairs that this benchmark grades, and their codes."""
    with open_store(workspace.folder) as store:
        session = AuditSession.start(store, workspace.annotator())
        session.refill()
        queries, codes = [], []
        for _ in range(_KEYS + 1):
            assert session.current is not None
            queries.append(session.current.query.text.partition(":")[0] + ":")
            codes.append(session.current.document.text)
            session.advance()
    return queries, codes


def pressing(terminal: Terminal, texts: list[str], keys: str) -> Callable[[], float]:
    """Return a function that presses ten keys and gives the CPU milliseconds of each.

    Args:
        terminal: where they are pressed.
        texts: what is painted first, and after each key.
        keys: pressed in turn.
    """
    coming = deque(texts)
    terminal.wait_for(coming.popleft())
    terminal.settle(1)
    pressed = 0

    def press(count: int) -> float:
        nonlocal pressed
        before = terminal.cpu
        for _ in range(count):
            terminal.press(keys[pressed % len(keys)])
            terminal.wait_for(coming.popleft())
            terminal.settle(REST)
            pressed += 1
        return 1000 * (terminal.cpu - before) / count

    press(WARM_UP)
    return lambda: press(KEYS_A_BATCH)


def _check(workspace: Workspace) -> None:
    """Make sure that every key became a label, though the app was killed."""
    with open_store(workspace.folder) as store:
        (labels,) = store.read("SELECT count(*) FROM current_labels")[0]
    assert labels == _KEYS, f"{labels} labels of {_KEYS} keys"
