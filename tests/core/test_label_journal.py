from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import WorkspaceError
from core.identity import event_id
from core.label_journal import LabelJournal, decode_event, encode_event
from core.records import Action, LabelEvent
from core.store import DATABASE_NAME, Store
from labels.label_recording import LabelRecorder
from tests.building import Scored, add_scored, new_workspace

if TYPE_CHECKING:
    from pathlib import Path

EVENTS = st.builds(
    LabelEvent,
    id=st.uuids(),
    happened=st.datetimes(),
    pair_id=st.uuids(),
    annotator=st.text(st.characters(codec="utf-8"), min_size=1),
    action=st.sampled_from(Action),
    grade=st.none() | st.integers(1, 5),
    judgment_id=st.none() | st.uuids(),
    hidden=st.booleans(),
    milliseconds=st.none() | st.integers(0, 10**9),
    note=st.none() | st.text(st.characters(codec="utf-8")),
    undoes=st.none() | st.uuids(),
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
    with Store.open(folder) as store:
        add_scored(store, [row])
    older = (folder / DATABASE_NAME).read_bytes()
    with Store.open(folder) as store:
        recorder = LabelRecorder(store, "ada")
        for grade in (1, 4, 5):
            recorder.grade(UUID(row.pair_id), grade, None)
        before = store.read("SELECT * FROM db.label_events ORDER BY id")
    (folder / DATABASE_NAME).write_bytes(older)
    for _ in range(2):
        with Store.open(folder) as store:
            assert store.read("SELECT * FROM db.label_events ORDER BY id") == before


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
