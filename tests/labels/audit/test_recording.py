from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from core.errors import InputError, StoreError
from core.ids import utc_now
from labels.audit import recording
from labels.audit import recording as outbox
from labels.audit.recording import LabelRecorder

if TYPE_CHECKING:
    from core.records import LabelEvent
    from core.store.database import Store

PAIR = UUID(int=7)


def test_an_event_is_in_the_database_and_in_the_journal_on_return(store: Store) -> None:
    event = LabelRecorder(store, "ada").grade(PAIR, 4, None, note="x", milliseconds=12)
    assert store.read("SELECT id, grade, note, milliseconds FROM db.label_events") == [
        (event.id, 4, "x", 12)
    ]
    assert store.journal.events() == [event]


def test_an_event_that_the_database_refuses_leaves_the_journal_too(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = LabelRecorder(store, "ada")
    kept = recorder.grade(PAIR, 4, None)

    def refuse(_store: Store, _event: LabelEvent) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(outbox, "insert_event", refuse)
    with pytest.raises(StoreError):
        recorder.grade(PAIR, 1, None)
    assert store.journal.events() == [kept]


def test_times_never_go_back_with_the_clock(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    first = LabelRecorder(store, "ada").grade(PAIR, 1, None)
    monkeypatch.setattr(recording, "utc_now", lambda: utc_now() - timedelta(days=3))
    second = LabelRecorder(store, "ada").grade(PAIR, 5, None)
    assert second.happened > first.happened
    assert store.read("SELECT grade FROM current_labels") == [(5,)]
    undone = LabelRecorder(store, "ada").undo()
    assert undone == second
    assert store.read("SELECT grade FROM current_labels") == [(1,)]


@pytest.mark.parametrize("name", ["", "  "])
def test_an_annotator_has_a_name(store: Store, name: str) -> None:
    with pytest.raises(InputError):
        LabelRecorder(store, name)
