"""A damaged workspace found out, and brought back from its backups and its label journal.

What people did is in the journal, whole, so that no label is lost with the database. The rest comes
from the newest backup that can be read, and from the damaged file itself as far as that goes.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.errors import StoreDamagedError, StoreError
from core.files import replacing, sync
from core.ids import utc_now
from core.store.backups import Backup, backups
from core.store.database import DATABASE_NAME, Store
from core.store.errors import explained
from core.store.events import restore_from_journal, write_missing_to_journal
from core.store.journal import LabelJournal
from core.store.opening import open_store
from core.store.sql import literal

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb import DuckDBPyConnection


_WAL: Final = f"{DATABASE_NAME}.wal"
#: Random ids, enough to meet every block of an index of millions.
_PROBES: Final = 2000
#: What a row needs to be there before it is taken over from a damaged file.
_SALVAGED: Final = {
    "documents": "TRUE",
    "queries": "TRUE",
    "judges": "TRUE",
    "pairs": "query_id IN (SELECT id FROM db.queries)"
    " AND document_id IN (SELECT id FROM db.documents)",
    "judgments": "pair_id IN (SELECT id FROM db.pairs) AND judge_id IN (SELECT id FROM db.judges)",
    "label_events": "TRUE",
}


@dataclass(frozen=True, slots=True)
class Health:
    """What a look at the whole database found.

    ``damage`` is empty when every block could be read. ``events`` are the label events of the
    database, ``not_in_journal`` those that the journal lacks. ``unreadable`` are the lines of the
    journal that are no events, by number, each with the reason.
    """

    damage: str
    events: int = 0
    not_in_journal: int = 0
    unreadable: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Restoration:
    """What was done: ``backup`` is None when there was none that could be read.

    ``kept`` is the damaged file under its new name, None when there was no file; ``events`` are the
    label events that the workspace has now, ``from_journal`` those that the backup did not have;
    ``salvaged`` are the rows that only the damaged file had.
    """

    backup: Backup | None
    kept: Path | None
    events: int
    from_journal: int
    salvaged: int


def examine_store(folder: Path) -> Health:
    """Read every block of the database and compare its label events with the journal.

    Raises:
        StoreLockedError: another process has it open.
        StoreError: it cannot be opened, for another reason than damage.
    """
    try:
        with open_store(folder) as store:
            with store.snapshot() as cursor:
                _read_whole(cursor, "db")
            rows = store.read("SELECT id FROM db.label_events")
    except StoreDamagedError as error:
        return Health(str(error.__cause__ or error.what).strip().splitlines()[0])
    journal = LabelJournal(folder)
    journalled = {event.id for event in journal.events()}
    lacking = sum(row[0] not in journalled for row in rows)
    return Health("", len(rows), lacking, tuple(journal.unreadable()))


def restore(folder: Path) -> Restoration:
    """Put the newest whole backup in the place of a damaged database, and bring it up to date.

    A database that is not damaged stays, and only what it or the journal lacks is filled in. The
    damaged file is kept under another name. Killed at any moment, it can be done again.

    Raises:
        StoreLockedError: another process has the database open.
        StoreError: the disk is full or cannot be written.
    """
    database = folder / DATABASE_NAME
    backup = kept = None
    health = examine_store(folder)
    before = health.events
    if health.damage:
        with explained(database):
            kept = _set_aside(folder)
            backup, before = _put_backup_in_place(folder)
    with open_store(folder) as store:
        restore_from_journal(store, thorough=True)
        from_journal = max(0, _count_events(store) - before)
        salvaged = _salvage(store, kept) if kept is not None else 0
        write_missing_to_journal(store)
        events = _count_events(store)
        store.back_up()
    return Restoration(backup, kept, events, from_journal, salvaged)


def _count_events(store: Store) -> int:
    return int(store.read("SELECT count(*) FROM db.label_events")[0][0])


def _read_whole(cursor: DuckDBPyConnection, database: str) -> None:
    """Read every row, and go through the indexes of the ids; nothing is changed.

    Args:
        cursor: in a transaction that will be rolled back.
        database: what the database is attached as.
    """
    tables = cursor.execute(
        "SELECT table_name, has_primary_key, table_name IN (SELECT table_name FROM duckdb_columns()"
        " WHERE database_name = $1 AND column_name = 'id')"
        " FROM duckdb_tables() WHERE database_name = $1",
        [database],
    ).fetchall()
    for table, has_key, has_id in tables:
        name = f"{database}.{table}"
        cursor.execute(f"SELECT count(hash(each)) FROM {name} AS each").fetchall()
        # Blocks of an index are read when a new key is put into it, and not before.
        if has_key and has_id:
            fresh = f"SELECT * REPLACE (uuid() AS id) FROM {name} LIMIT {_PROBES}"
            cursor.execute(f"INSERT INTO {name} {fresh}")
        elif has_key:
            cursor.execute(f"INSERT OR IGNORE INTO {name} SELECT * FROM {name}")


def _set_aside(folder: Path) -> Path | None:
    """Give the damaged file a second name; its own it keeps until another takes it."""
    database = folder / DATABASE_NAME
    if not database.exists() or not database.stat().st_size:
        return None
    kept = folder / f"damaged-{utc_now():%Y%m%dT%H%M%S%f}.duckdb"
    shutil.copyfile(database, kept)
    wal = folder / _WAL
    if wal.exists():
        shutil.copyfile(wal, kept.with_name(f"{kept.name}.wal"))
    return kept


def _put_backup_in_place(folder: Path) -> tuple[Backup | None, int]:
    """Replace the database by the newest backup that can be read, else by one without tables.

    Return the backup and its number of label events.
    """
    chosen, events = None, 0
    with replacing(folder / DATABASE_NAME) as copy:
        for backup in backups(folder):
            shutil.copyfile(backup.path, copy)
            counted = _whole(copy)
            if counted is not None:
                chosen, events = backup, counted
                break
        if chosen is None:
            _empty_database(copy)
        copy.chmod(0o600)
        sync(copy)
        (folder / _WAL).unlink(missing_ok=True)
    return chosen, events


def _empty_database(path: Path) -> None:
    """Make a database without tables: ``open_store`` refuses to start over by itself."""
    from core.store.engine import engine

    path.unlink(missing_ok=True)
    root = engine.connect()
    try:
        root.execute(f"ATTACH {literal(str(path.resolve()))} AS fresh (STORAGE_VERSION 'v1.5.0')")
        root.execute("CHECKPOINT fresh")
        root.execute("DETACH fresh")
    finally:
        root.close()


def _whole(copy: Path) -> int | None:
    """Return how many label events a copy has; None when it cannot be read whole."""
    from core.store.engine import engine

    root = engine.connect()
    try:
        root.execute(f"ATTACH {literal(str(copy.resolve()))} AS kept")
        root.execute("BEGIN")
        row = root.execute("SELECT count(*) FROM kept.label_events").fetchone()
        _read_whole(root, "kept")
        root.execute("ROLLBACK")
    except engine.Error:
        return None
    else:
        return int(row[0]) if row else None
    finally:
        root.close()


def _salvage(store: Store, damaged: Path) -> int:
    """Take over the rows that can still be read in the damaged file; return how many."""
    taken = 0
    for table, condition in _SALVAGED.items():
        with suppress(StoreError), store.attached(damaged) as cursor:
            row = cursor.execute(
                f"INSERT INTO db.{table} BY NAME SELECT * FROM other.{table} AS found WHERE NOT"
                f" EXISTS (SELECT 1 FROM db.{table} AS there WHERE there.id = found.id)"
                f" AND {condition}"
            ).fetchone()
            taken += int(row[0]) if row else 0
    return taken
