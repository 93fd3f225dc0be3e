"""Label events in the database, and restoring them from the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.errors import StoreConflictError
from core.records import Action, LabelEvent
from core.store.sql import insert_missing

if TYPE_CHECKING:
    from core.store.database import Store
    from core.store.journal import LabelJournal
    from core.store.sql import Row


EVENT_COLUMNS: Final = (
    "id, happened, pair_id, annotator, action, grade, judgment_id, hidden, milliseconds, note,"
    " undoes, strategy, inclusion_probability, adjudicates"
)
_COLUMN_TYPES: Final = {
    "id": "UUID",
    "happened": "TIMESTAMP",
    "pair_id": "UUID",
    "annotator": "VARCHAR",
    "action": "VARCHAR",
    "grade": "SMALLINT",
    "judgment_id": "UUID",
    "hidden": "BOOLEAN",
    "milliseconds": "INTEGER",
    "note": "VARCHAR",
    "undoes": "UUID",
    "strategy": "VARCHAR",
    "inclusion_probability": "DOUBLE",
    "adjudicates": "BOOLEAN",
}
# DuckDB plans SELECT with parameters faster than VALUES.
_INSERT_ONE: Final = (
    f"INSERT INTO db.label_events ({EVENT_COLUMNS})"
    f" SELECT {', '.join(f'${number}' for number in range(1, len(_COLUMN_TYPES) + 1))}"
)


def insert_event(store: Store, event: LabelEvent) -> None:
    """Insert an event and commit it; an event already stored counts as inserted."""
    try:
        store.write(_INSERT_ONE, _row(event))
    except StoreConflictError:
        if not store.read("SELECT 1 FROM db.label_events WHERE id = $1", [event.id]):
            raise


def event_of_row(row: Row) -> LabelEvent:
    """Return the event of a row selected as ``EVENT_COLUMNS``."""
    identifier, happened, pair, annotator, action, *rest, adjudicates = row
    rest.append(bool(adjudicates))
    return LabelEvent(identifier, happened, pair, annotator, Action(action), *rest)


def restore_from_journal(store: Store, *, thorough: bool = False) -> int:
    """Insert the journal's events that the database lacks; return the number inserted.

    The journal is ahead by one event if the program was killed between the two writes, and by more
    if the database file was replaced by an older copy. Only the last event is looked up, unless
    it is missing or ``thorough`` is set.
    """
    journal = store.journal
    if store.shared:
        return _send_unsent(store, journal)
    last = journal.last_id()
    if last is None:
        return 0
    if not thorough and store.read("SELECT 1 FROM db.label_events WHERE id = $1", [last]):
        return 0
    with store.transaction() as cursor:
        rows = (_row(event) for event in journal.events())
        return insert_missing(cursor, "label_events", _COLUMN_TYPES, rows)


def _send_unsent(store: Store, journal: LabelJournal) -> int:
    """Send a team's store the events that did not reach it.

    Several processes write to the journal, in any order, so every event since the last time is
    looked up.
    """
    events, end = journal.unsent()
    sent = 0
    for event in events:
        if not store.read("SELECT 1 FROM db.label_events WHERE id = $1", [event.id]):
            insert_event(store, event)
            sent += 1
    if events:
        journal.mark_sent(end)
    return sent


def write_missing_to_journal(store: Store) -> int:
    """Append the database's events that the journal lacks; return the number appended."""
    journal = store.journal
    there = {event.id for event in journal.events()}
    rows = store.read(f"SELECT {EVENT_COLUMNS} FROM db.label_events ORDER BY happened, id")
    missing = [event for event in map(event_of_row, rows) if event.id not in there]
    for event in missing:
        journal.append(event)
    return len(missing)


def _row(event: LabelEvent) -> tuple[object, ...]:
    return (
        event.id,
        event.happened,
        event.pair_id,
        event.annotator,
        event.action.value,
        event.grade,
        event.judgment_id,
        event.hidden,
        event.milliseconds,
        event.note,
        event.undoes,
        event.strategy,
        event.inclusion_probability,
        event.adjudicates,
    )
