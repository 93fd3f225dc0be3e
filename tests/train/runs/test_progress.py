from __future__ import annotations

import fcntl
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from tests.train.run_building import START, event_lines, make_run, steps, whole_run
from train.runs import events as run_events
from train.runs.events import (
    Ended,
    EndStatus,
    Evaluated,
    Evaluating,
    Launched,
    Stepped,
    Stopping,
    parse_event,
)
from train.runs.folder import RunFolder, find_run, run_folders
from train.runs.progress import Curve, ProgressTracker, RunReader, RunStatus, last_lines, read_run

if TYPE_CHECKING:
    from pathlib import Path


def test_a_finished_run_is_summed_up(tmp_path: Path) -> None:
    view = RunReader(make_run(tmp_path, events=whole_run(), log="one\n\ntwo\rthree\n")).read()
    assert view.status is RunStatus.FINISHED
    progress = view.progress
    assert (progress.step, progress.steps, progress.seconds) == (40, 40, 121.0)
    assert progress.best == Evaluated(40, "nDCG@10", 0.83, best=True)
    assert progress.metric == ((20, 0.71), (40, 0.83))
    assert len(progress.loss) == len(progress.rate) == 40
    assert view.log == ("one", "three")


def test_only_what_is_new_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_run(tmp_path, events=[START, *steps(1, 30)])
    reader = RunReader(folder)
    assert reader.read().progress.step == 30
    parsed: list[str] = []

    def counting(line: str) -> object:
        parsed.append(line)
        return parse_event(line)

    monkeypatch.setattr(run_events, "parse_event", counting)
    line = event_lines(*steps(31, 31))
    with folder.events.open("a", encoding="utf-8") as file:
        file.write(line[:20])
        file.flush()
        assert reader.read().progress.step == 30
        file.write(line[20:] + event_lines(*steps(32, 32)))
    assert reader.read().progress.step == 32
    assert len([line for line in parsed if line]) == 2


def test_a_resume_takes_steps_back(tmp_path: Path) -> None:
    again = START.__class__(2, 20, 40, 12, 80, 96, 3, 10, 10, "cpu")
    view = RunReader(
        make_run(
            tmp_path,
            events=[
                START,
                *steps(1, 20),
                Evaluated(20, "nDCG@10", 0.6, best=True),
                *steps(21, 28),
                Evaluated(28, "nDCG@10", 0.7, best=True),
                again,
                *steps(21, 22),
            ],
        )
    ).read()
    assert view.progress.step == 22
    assert [step for step, _ in view.progress.loss] == list(range(1, 23))
    assert view.progress.best == Evaluated(20, "nDCG@10", 0.6, best=True)


@pytest.mark.parametrize("status", list(EndStatus))
def test_the_status_is_how_it_ended(tmp_path: Path, status: EndStatus) -> None:
    folder = make_run(tmp_path, events=[START, *steps(1, 3), Ended(status, 3, 5.0, "a reason")])
    assert RunReader(folder).read().status.value == status.value


def test_running_is_told_from_died_by_the_lock(tmp_path: Path) -> None:
    folder = make_run(tmp_path, events=[START, *steps(1, 3)])
    assert RunReader(folder).read().status is RunStatus.DIED
    with folder.lock.open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert RunReader(folder).read().status is RunStatus.RUNNING
    assert read_run(folder).status is RunStatus.DIED


def test_an_evaluation_and_a_stop_under_way_are_shown(tmp_path: Path) -> None:
    folder = make_run(tmp_path, events=[START, *steps(1, 3), Evaluating(3, 8, 20), Stopping()])
    progress = read_run(folder).progress
    assert (progress.evaluating, progress.stopping) == (Evaluating(3, 8, 20), True)
    with folder.events.open("a", encoding="utf-8") as file:
        file.write(
            event_lines(Evaluated(3, "nDCG@10", 0.5, best=True), Ended(EndStatus.STOPPED, 3, 1.0))
        )
    progress = read_run(folder).progress
    assert (progress.evaluating, progress.stopping) == (None, False)


def test_a_launch_without_a_word_is_a_run_that_died(tmp_path: Path) -> None:
    events = [START, *steps(1, 3), Ended(EndStatus.STOPPED, 3, 1.0), Launched(7)]
    assert read_run(make_run(tmp_path, events=events)).status is RunStatus.DIED


def test_a_prepared_run_waits(tmp_path: Path) -> None:
    view = RunReader(make_run(tmp_path)).read()
    assert view.status is RunStatus.WAITING
    assert view.progress.loss == ()


def test_events_that_were_replaced_are_read_from_the_start(tmp_path: Path) -> None:
    folder = make_run(tmp_path, events=whole_run())
    reader = RunReader(folder)
    reader.read()
    folder.events.write_text(event_lines(START, *steps(1, 2)), encoding="utf-8")
    assert reader.read().progress.step == 2


def test_a_run_of_100_000_steps_stays_small(tmp_path: Path) -> None:
    tally = ProgressTracker()
    one = steps(1, 1)[0]
    assert isinstance(one, Stepped)
    from dataclasses import replace

    tally.add(replace(one, step=step, steps=100_000) for step in range(1, 100_001))
    progress = tally.progress()
    assert progress.step == 100_000
    assert len(progress.loss) <= 1024


def test_runs_are_found_and_named_by_any_end(tmp_path: Path) -> None:
    assert run_folders(tmp_path) == ()
    older = make_run(tmp_path, "20300503-120000-mse-aaaa")
    newer = make_run(tmp_path, "20300504-120000-mse-bbbb")
    (tmp_path / "runs" / ".20300505-120000-mse-cccc").mkdir()
    (tmp_path / "runs" / "no-run").mkdir()
    assert run_folders(tmp_path) == (newer, older)
    assert find_run(tmp_path, "latest") == newer
    assert find_run(tmp_path, "aaaa") == older
    assert find_run(tmp_path, "20300504") == newer
    for named in ("2030", "zzzz", ""):
        with pytest.raises(InputError):
            find_run(tmp_path, named)


def test_last_lines_of_a_log_that_is_not_there(tmp_path: Path) -> None:
    assert last_lines(RunFolder(tmp_path), 5) == ()


def test_a_short_series_is_kept_as_it_is() -> None:
    curve = Curve()
    for step in range(1, 6):
        curve.add(step, step / 2)
    assert curve.points() == ((1, 0.5), (2, 1.0), (3, 1.5), (4, 2.0), (5, 2.5))


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=300), st.integers(2, 16))
def test_a_long_series_is_means_of_equal_stretches(values: list[float], limit: int) -> None:
    curve = Curve(limit)
    for step, value in enumerate(values, start=1):
        curve.add(step, value)
    points = curve.points()
    assert len(points) <= limit
    assert points[-1][0] == len(values)
    steps = [step for step, _ in points]
    assert steps == sorted(set(steps))
    # Each mean is that of the steps since the one before it.
    before = 0
    for step, mean in points:
        part = values[before:step]
        assert abs(mean - sum(part) / len(part)) < 1e-9
        before = step


def test_a_resume_takes_back_what_came_after_its_checkpoint() -> None:
    curve = Curve()
    for step in range(1, 11):
        curve.add(step, step)
    curve.cut_after(6)
    curve.add(7, 70.0)
    assert curve.points()[-2:] == ((6, 6.0), (7, 70.0))
