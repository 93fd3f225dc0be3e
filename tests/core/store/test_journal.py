from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.doctor import examine
from core.errors import WorkspaceError
from core.ids import event_id
from core.records import Action, LabelEvent
from core.store.database import DATABASE_NAME
from core.store.journal import LabelJournal, decode_event, encode_event
from core.store.opening import open_store
from labels.audit.recording import LabelRecorder
from tests.building import Scored, add_scored, new_workspace

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.own_file
UNGRADED = st.sampled_from([Action.SKIP, Action.FLAG, Action.NOTE])
WHAT = st.one_of(
    st.tuples(st.sampled_from([Action.CONFIRM, Action.OVERRIDE]), st.integers(1, 5), st.none()),
    st.tuples(UNGRADED, st.none(), st.none()),
    st.tuples(st.just(Action.UNDO), st.none(), st.uuids()),
)
EVENTS = st.builds(
    lambda told, what: replace(told, action=what[0], grade=what[1], undoes=what[2]),
    st.builds(
        LabelEvent,
        id=st.uuids(),
        happened=st.datetimes(),
        pair_id=st.uuids(),
        annotator=st.text(st.characters(codec="utf-8"), min_size=1),
        action=UNGRADED,
        judgment_id=st.none() | st.uuids(),
        hidden=st.booleans(),
        milliseconds=st.none() | st.integers(0, 10**9),
        note=st.none() | st.text(st.characters(codec="utf-8")),
        inclusion_probability=st.none() | st.floats(0, 1, exclude_min=True),
    ),
    WHAT,
)


def event(number: int = 1) -> LabelEvent:
    return LabelEvent(
        event_id(), datetime(2026, 1, 1, 12, number), UUID(int=number), "ada", Action.SKIP
    )


@given(EVENTS)
def test_a_line_holds_the_whole_event(original: LabelEvent) -> None:
    line = encode_event(original)
    assert "\n" not in line
    assert decode_event(line) == original


def test_a_line_cut_short_spoils_no_other(tmp_path: Path) -> None:
    journal = LabelJournal(tmp_path)
    first, lost, last = event(1), event(2), event(3)
    journal.append(first)
    with journal.path.open("a") as file:
        file.write(encode_event(lost)[:40])
    assert journal.last_id() == first.id
    journal.append(last)
    assert journal.events() == [first, last]
    assert journal.last_id() == last.id


def test_a_database_older_than_the_journal_gets_its_labels_back(tmp_path: Path) -> None:
    folder = new_workspace(tmp_path).folder
    row = Scored("q", "code")
    with open_store(folder) as store:
        add_scored(store, [row])
    older = (folder / DATABASE_NAME).read_bytes()
    with open_store(folder) as store:
        recorder = LabelRecorder(store, "ada")
        for grade in (1, 4, 5):
            recorder.grade(UUID(row.pair_id), grade, None)
        before = store.read("SELECT * FROM db.label_events ORDER BY id")
    (folder / DATABASE_NAME).write_bytes(older)
    for _ in range(2):
        with open_store(folder) as store:
            assert store.read("SELECT * FROM db.label_events ORDER BY id") == before


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"grade": 7}, "7 is not a grade"),
        ({"grade": 0}, "0 is not a grade"),
        ({"grade": 2.5}, "2.5 is not a grade"),
        ({"grade": "4"}, "'4' is not a grade"),
        ({"grade": True}, "True is not a grade"),
        ({"action": "skip"}, "skip with the grade 4"),
        ({"action": "undo", "grade": None}, "undo that undoes None"),
        ({"inclusion_probability": 0}, "0 is not the chance of a draw"),
        ({"inclusion_probability": 1.5}, "1.5 is not the chance of a draw"),
    ],
)
def test_a_line_that_nobody_can_have_made_is_no_event(
    changed: dict[str, object], reason: str
) -> None:
    graded = replace(event(), action=Action.OVERRIDE, grade=4)
    values = json.loads(encode_event(graded)) | changed
    with pytest.raises(ValueError, match=reason):
        decode_event(json.dumps(values))


def test_such_a_line_does_not_count_and_the_doctor_tells(tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path)
    row = Scored("q", "code")
    with open_store(workspace.folder) as store:
        add_scored(store, [row])
        LabelRecorder(store, "ada").grade(UUID(row.pair_id), 4, None)
    journal = workspace.folder / "labels.jsonl"
    changed = {"id": str(event_id()), "grade": 7}
    line = json.dumps(json.loads(journal.read_text()) | changed)
    with journal.open("a") as file:
        file.write(line + "\n\n")
    with open_store(workspace.folder) as store:
        assert store.read("SELECT grade FROM current_labels") == [(4,)]
    check = next(check for check in examine(workspace) if check.name == "workspace")
    assert check.good
    assert "1 label events; 1 lines of labels.jsonl cannot be read" in check.found
    assert check.found.endswith("line 2: 7 is not a grade")


def test_an_event_that_cannot_be_written_is_not_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = LabelJournal(tmp_path)
    journal.append(event(1))
    size = journal.path.stat().st_size
    real = os.write

    def full(descriptor: int, data: bytes) -> int:
        if len(data) < 60:
            raise OSError(28, "No space left on device")
        return real(descriptor, data[:50])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(WorkspaceError, match="No space left"):
        journal.append(event(2))
    assert journal.path.stat().st_size == size
