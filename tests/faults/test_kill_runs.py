"""Every kind of work, killed at random moments: nothing that was acknowledged is lost or doubled.

A few kills of each, or as many as REJUDGE_FAULTS says: a number, or ``full`` for 200; no more of a
kind are begun after REJUDGE_FAULTS_MINUTES.
"""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

import pytest

from tests.faults.kills.kill_run import KINDS, KillCounts, kill_run

if TYPE_CHECKING:
    from pathlib import Path

FEW, FULL = 2, 200
ASKED = os.environ.get("REJUDGE_FAULTS", "")
SECONDS = 60 * float(os.environ.get("REJUDGE_FAULTS_MINUTES", "inf"))


def kills() -> int:
    return FULL if ASKED == "full" else int(ASKED or FEW)


@pytest.mark.slow
@pytest.mark.own_file
@pytest.mark.parametrize("kind", KINDS)
def test_what_was_acknowledged_is_there_once(
    kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    counts = kill_run(kind, kills(), tmp_path, SECONDS)
    if ASKED:
        with capfd.disabled():
            print(f"\n{KillCounts.HEAD}\n{counts.row()}", flush=True)
    assert (counts.lost, counts.doubled) == ([], [])
    assert counts.kills == kills() or math.inf > SECONDS
    assert counts.acknowledged > 0
    assert counts.ends > 0


@pytest.mark.slow
def test_careless_work_is_found_out(tmp_path: Path) -> None:
    counts = kill_run("careless", 3, tmp_path)
    assert counts.lost
    assert counts.doubled
