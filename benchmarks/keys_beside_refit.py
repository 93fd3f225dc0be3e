"""What a calibration in the background costs the keys: from key to paint beside one and without.

One app grades in a workspace with labels to learn from. It calibrates half of the time, so that
keys beside a calibration and keys in a rest come in turns, in the same process and under the same
load. Besides the time, which a busy machine stretches, the CPU of the app's own thread counts: what
a key costs the thread that paints, whatever the database does on its own threads.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, Final

from benchmarks.measuring import Figure, thread_cpu
from benchmarks.million_pairs import JUDGE, workspace_of
from benchmarks.terminal import Terminal
from core.records import GRADES
from core.store.opening import open_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.workspace import Workspace

LABELS: Final = 2_000
#: Keys are pressed until so many calibrations have ended, and at most so often.
CALIBRATIONS: Final = 4
MOST_KEYS: Final = 600
REST: Final = 0.1
WARM_UP: Final = 5
#: What a key may take beside a calibration, of what it takes in a rest.
AT_MOST: Final = 1.5
SLOWEST_AT_MOST: Final = 2.0

_PAINTED: Final = "how do we"
_APP: Final = str(Path(__file__).with_name("refitting_app.py"))


@dataclass(frozen=True, slots=True)
class Key:
    """When a key was pressed, in seconds of the shared clock, and its milliseconds."""

    pressed: float
    wall: float
    cpu: float


def measure(pairs: int) -> list[Figure]:
    """Press keys in a workspace of ``pairs`` while it calibrates now and then."""
    with workspace_of(pairs) as workspace, tempfile.TemporaryDirectory() as name:
        _prepare(workspace)
        notes = Path(name) / "notes"
        notes.touch()
        keys = _pressed(workspace, notes)
        spans = _spans(notes)
    beside = [key for key in keys if any(low < key.pressed < high for low, high in spans)]
    rest = [key for key in keys if not any(low < key.pressed < high for low, high in spans)]
    name = f"key to next pair of {pairs:,} beside a calibration"
    against = f"between calibrations; {len(beside)} and {len(rest)} keys"
    return [
        Figure(
            f"{name}, CPU of the thread that paints",
            "ms",
            tuple(key.cpu for key in beside),
            tuple(key.cpu for key in rest),
            against,
            at_most=AT_MOST,
        ),
        Figure(
            f"{name}, elapsed",
            "ms",
            tuple(key.wall for key in beside),
            tuple(key.wall for key in rest),
            against,
            at_most=AT_MOST,
        ),
        Figure(
            f"{name}, elapsed, the slowest in twenty",
            "ms",
            (_slowest(beside),),
            (_slowest(rest),),
            against,
            at_most=SLOWEST_AT_MOST,
        ),
    ]


def _slowest(keys: Sequence[Key]) -> float:
    return quantiles([key.wall for key in keys], n=20)[-1]


def _pressed(workspace: Workspace, notes: Path) -> list[Key]:
    keys: list[Key] = []
    with Terminal((sys.executable, _APP, str(notes)), workspace.root) as terminal:
        terminal.wait_for(_PAINTED)
        terminal.settle(1)
        while len(keys) < MOST_KEYS and notes.read_text("utf-8").count("ended") < CALIBRATIONS:
            used, pressed = thread_cpu(terminal.pid), time.monotonic()
            terminal.press(str(GRADES[len(keys) % len(GRADES)]))
            terminal.wait_for(_PAINTED)
            wall = time.monotonic() - pressed
            terminal.settle(REST)
            cpu = thread_cpu(terminal.pid) - used
            keys.append(Key(pressed, 1000 * wall, 1000 * cpu))
    return keys[WARM_UP:]


def _spans(notes: Path) -> list[tuple[float, float]]:
    """Return from when to when each calibration ran; one that never ended runs to this day."""
    told = [line.split() for line in notes.read_text("utf-8").splitlines()]
    began = [float(when) for what, when in told if what == "began"]
    ended = [float(when) for what, when in told if what == "ended"]
    return list(zip(began, [*ended, float("inf")], strict=False))


def _prepare(workspace: Workspace) -> None:
    """Give labels to learn from, and have the app calibrate after each new one."""
    settings = workspace.folder / "settings.toml"
    settings.write_text("refit_after = 1\n" + settings.read_text("utf-8"), "utf-8")
    with open_store(workspace.folder) as store, store.transaction() as cursor:
        cursor.execute(
            "INSERT INTO db.label_events"
            " (id, happened, pair_id, annotator, action, grade, judgment_id, hidden, strategy)"
            " SELECT uuid(), TIMESTAMP '2024-02-01', pair_id, 'ada', 'override', greatest(1,"
            " least(5, score + CAST(hash(pair_id) % 3 AS INTEGER) - 1)), id, FALSE, 'random'"
            " FROM db.judgments"
            f" WHERE judge_id = $1 AND score IS NOT NULL ORDER BY hash(pair_id) LIMIT {LABELS}",
            [JUDGE.id],
        )
