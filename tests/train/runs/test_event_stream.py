"""Events are written whole, read whatever happened to the file, and cleared of what was undone."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from train.runs.events import (
    Checkpointed,
    Ended,
    EndStatus,
    Evaluated,
    EventFollower,
    EventWriter,
    RunEvent,
    Started,
    Stepped,
    TimedEvent,
    as_continued,
    event_line,
    parse_event,
    read_events,
)

if TYPE_CHECKING:
    from pathlib import Path

TIME = datetime(2026, 1, 2, 3, 4, 5, 678901)


def started(step: int) -> Started:
    return Started(1, step, 9, 4, 5, 6, 2, 1000, 100, "cpu")


def stepped(step: int) -> Stepped:
    return Stepped(step, 9, step / 9, 0.5, {"mse": 0.5}, 1e-5, 1.25, 7.5, 30.0, 1 << 30)


ALL: list[RunEvent] = [
    started(0),
    stepped(1),
    Evaluated(1, "nDCG@10", 0.75, best=True),
    Checkpointed(1, "step-000001"),
    Ended(EndStatus.FAILED, 1, 3.5, "the disk is full; ü", "Free some."),
]


@pytest.mark.parametrize("event", ALL)
def test_a_line_gives_its_event_back(event: RunEvent) -> None:
    line = event_line(event, TIME)
    assert "\n" not in line
    assert parse_event(line) == TimedEvent(TIME, event)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "[]",
        '{"event": "tea", "time": "2026-01-02T03:04:05+00:00"}',
        '{"event": "checkpoint", "time": "2026-01-02T03:04:05+00:00"}',
        '{"event": "checkpoint", "step": 1, "folder": "f"}',
        '{"event": "end", "time": "2026-01-02", "status": "odd", "step": 1, "seconds": 1}',
    ],
)
def test_a_line_that_is_not_understood_is_passed_over(line: str) -> None:
    assert parse_event(line) is None


def test_a_field_of_later_versions_is_passed_over() -> None:
    line = event_line(Checkpointed(1, "f"), TIME).replace("{", '{"more":[1],', 1)
    assert parse_event(line) == TimedEvent(TIME, Checkpointed(1, "f"))


def test_a_line_cut_short_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    writer = EventWriter(path)
    writer.write(ALL[0])
    writer.close()
    with path.open("a") as file:
        file.write('{"event": "st')
    assert [timed.event for timed in read_events(path)] == [ALL[0]]
    writer = EventWriter(path)
    writer.write(ALL[1])
    writer.close()
    assert [timed.event for timed in read_events(path)] == ALL[:2]


def test_a_follower_gets_each_whole_line_once(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    follower = EventFollower(path)
    assert follower.new_events() == []
    lines = [event_line(event, TIME) + "\n" for event in ALL]
    path.write_text(lines[0] + lines[1][:20])
    assert [timed.event for timed in follower.new_events()] == ALL[:1]
    path.write_text("".join(lines), encoding="utf-8")
    assert [timed.event for timed in follower.new_events()] == ALL[1:]
    assert follower.new_events() == []


def test_a_reader_that_left_stops_nothing(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    reading, writing = os.pipe()
    writer = EventWriter(path, writing)
    writer.write(ALL[0])
    line = os.read(reading, 1 << 16).decode()
    assert parse_event(line) == read_events(path)[0]
    os.close(reading)
    for event in ALL[1:]:
        writer.write(event)
    writer.close()
    os.close(writing)
    assert [timed.event for timed in read_events(path)] == ALL


def test_the_times_are_in_utc(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    before = datetime.now(UTC).replace(tzinfo=None)
    writer = EventWriter(path)
    writer.write(ALL[0])
    writer.close()
    assert before <= read_events(path)[0].time <= datetime.now(UTC).replace(tzinfo=None)


def test_what_a_resume_took_back_is_left_out() -> None:
    events: list[RunEvent] = [
        started(0),
        stepped(1),
        Checkpointed(1, "a"),
        stepped(2),
        Evaluated(2, "nDCG@10", 0.5, best=True),
        started(1),
        stepped(2),
        Ended(EndStatus.FINISHED, 2, 1.0),
    ]
    kept = as_continued(TimedEvent(TIME, event) for event in events)
    assert [timed.event for timed in kept] == [*events[:3], *events[5:]]
