"""Find damage in a workspace's database, and restore it from backups and the label journal.

The journal has every label event, so no label is lost with the database. Everything else comes from
the newest readable backup and, as far as possible, from the damaged file itself.
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
from core.store.sql import attach_file, literal

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb import DuckDBPyConnection


_WAL: Final = f"{DATABASE_NAME}.wal"
#: Random ids: enough to read every block of an index of millions.
_PROBES: Final = 2000
#: The condition on which a row is salvaged from a damaged file, by table.
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
    """The result of reading the whole database.

    Attributes:
        damage: what cannot be read; empty if every block can.
        events: the number of label events in the database.
        not_in_journal: how many of them the journal lacks.
        unreadable: the journal's lines that are not events, by number, with the reason.
    """

    damage: str
    events: int = 0
    not_in_journal: int = 0
    unreadable: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Restoration:
    """The result of a restore.

    Attributes:
        backup: what was restored; None if the database is whole or no backup could be read.
        kept: the damaged file under its new name; None if there was none.
        events: the number of label events that the workspace has now.
        from_journal: how many of them came from the journal.
        salvaged: the number of rows that only the damaged file had.
    """

    backup: Backup | None
    kept: Path | None
    events: int
    from_journal: int
    salvaged: int


def examine_store(folder: Path) -> Health:
    """Read every block of the database and compare its label events with the journal.

    Raises:
        StoreLockedError: another process has the database open.
        StoreError: it cannot be opened for a reason other than damage.
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
    """Replace a damaged database by the newest readable backup, and bring it up to date.

    An undamaged database stays; only events that it or the journal lacks are added. The damaged
    file is kept under another name. If this is killed at any moment, it can be run again.

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
    """Read every row and every index; change nothing.

    Args:
        cursor: in a transaction that will be rolled back.
        database: the name under which the database is attached.
    """
    tables = cursor.execute(
        "SELECT table_name, has_primary_key, table_name IN (SELECT table_name FROM duckdb_columns()"
        " WHERE database_name = $1 AND column_name = 'id')"
        " FROM duckdb_tables() WHERE database_name = $1",
        [database],
    ).fetchall()
    for table, has_key, has_id in tables:
        name = f"{database}.{table}"
        cursor.execute(f"SELECT count(hash(record)) FROM {name} AS record").fetchall()
        # DuckDB reads the blocks of an index only when a key is inserted.
        if has_key and has_id:
            fresh = f"SELECT * REPLACE (uuid() AS id) FROM {name} LIMIT {_PROBES}"
            cursor.execute(f"INSERT INTO {name} {fresh}")
        elif has_key:
            cursor.execute(f"INSERT OR IGNORE INTO {name} SELECT * FROM {name}")


def _set_aside(folder: Path) -> Path | None:
    """Copy the damaged file under a new name; the original stays until it is replaced."""
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
    """Replace the database by the newest readable backup, else by an empty database.

    Return the backup and the number of its label events.
    """
    chosen, events = None, 0
    with replacing(folder / DATABASE_NAME) as copy:
        for backup in backups(folder):
            shutil.copyfile(backup.path, copy)
            counted = _count_if_whole(copy)
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
    """Create a database without tables: ``open_store`` refuses to start over by itself."""
    from core.store.engine import engine

    path.unlink(missing_ok=True)
    root = engine.connect()
    try:
        attach_file(root, path, "fresh")
        root.execute("CHECKPOINT fresh")
        root.execute("DETACH fresh")
    finally:
        root.close()


def _count_if_whole(copy: Path) -> int | None:
    """Return the number of label events in a copy; None if a part of it cannot be read."""
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
    """Copy the rows that can still be read in the damaged file; return their number."""
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
