from __future__ import annotations

import json
from typing import TYPE_CHECKING

from core.problems import SHOWN_LIMIT, ProblemLog
from core.records import Problem

if TYPE_CHECKING:
    from pathlib import Path


def test_few_problems_need_no_file(tmp_path: Path) -> None:
    file = tmp_path / "problems.jsonl"
    with ProblemLog(file) as log:
        for line in range(SHOWN_LIMIT):
            log.add(Problem("a", line, "bad"))
    assert (len(log.shown), log.total, log.report_file) == (SHOWN_LIMIT, SHOWN_LIMIT, "")
    assert not file.exists()


def test_many_problems_are_all_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "problems.jsonl"
    with ProblemLog(file) as log:
        for line in range(SHOWN_LIMIT + 50):
            log.add(Problem("a\ud800", line, "bad"))
    assert (len(log.shown), log.total) == (SHOWN_LIMIT, SHOWN_LIMIT + 50)
    assert log.report_file == str(file)
    lines = [json.loads(line)["line"] for line in file.read_text("utf-8").splitlines()]
    assert lines == list(range(SHOWN_LIMIT + 50))
