"""Progress as lines: few of them, whatever the size of the work."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from core.records import Progress
from tui.cli.output import progress_events

if TYPE_CHECKING:
    import pytest


def test_a_line_for_each_hundredth_and_each_kind_of_work(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tell = progress_events("preparing")
    for done in range(10_001):
        tell(Progress(done, 10_000, "one"))
    for _ in range(2):
        tell(Progress(5, None, "another"))
    tell(Progress(6, None, "another"))
    tell(Progress(0, 0, "nothing"))
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["done"] for each in told if each["doing"] == "one"] == list(range(0, 10_001, 100))
    assert told[101:] == [
        {"event": "preparing", "doing": "another", "done": 5, "total": None},
        {"event": "preparing", "doing": "another", "done": 6, "total": None},
        {"event": "preparing", "doing": "nothing", "done": 0, "total": 0},
    ]
