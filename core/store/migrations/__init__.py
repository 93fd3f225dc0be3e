"""Numbered SQL migrations, each applied once, in one transaction."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from duckdb import DuckDBPyConnection


_FILE_NAME: Final = re.compile(r"(\d{4})_(\w+)\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema: its number, its name and its SQL."""

    number: int
    name: str
    sql: str


def migrations() -> tuple[Migration, ...]:
    """Return every migration of this program, in order."""
    found = []
    for entry in Path(__file__).parent.iterdir():
        match = _FILE_NAME.fullmatch(entry.name)
        if match:
            sql = entry.read_text(encoding="utf-8")
            found.append(Migration(int(match[1]), match[2], sql))
    return tuple(sorted(found, key=lambda migration: migration.number))


def schema_version(connection: DuckDBPyConnection) -> int:
    """Return the number of the last migration applied to ``db``; 0 for an empty database."""
    from core.store.engine import engine

    # Asking the catalogue whether the table is there takes twenty times as long.
    try:
        row = connection.execute("SELECT max(number) FROM db.schema_migrations").fetchone()
    except engine.CatalogException:
        return 0
    return int(row[0]) if row is not None and row[0] is not None else 0


def migrate(
    connection: DuckDBPyConnection,
    place: str,
    before_each: Callable[[int], None],
    lock: Callable[[DuckDBPyConnection], None] | None = None,
) -> int:
    """Bring ``db`` to this program's schema and return how many migrations were applied.

    Args:
        connection: a connection with the database attached as ``db``.
        place: the database's name in messages.
        before_each: called with the schema version about to be left, to keep a backup; not for a
            database that was empty.
        lock: called first in each transaction where several programs may migrate at once, to
            wait until the others are done.

    Raises:
        StoreError: the database was written by a newer program.
    """
    known = migrations()
    present = schema_version(connection)
    newest = known[-1].number
    if present > newest:
        raise StoreError(
            f"the workspace was written by a newer rejudge (schema {present},"
            f" this program knows {newest})",
            where=place,
            todo="Upgrade rejudge, or open another workspace with --workspace DIR.",
        )
    pending = [migration for migration in known if migration.number > present]
    was_empty = present == 0
    applied = 0
    for migration in pending:
        if not was_empty:
            before_each(present)
        applied += _apply(connection, migration, lock)
        present = migration.number
    return applied


def _apply(
    connection: DuckDBPyConnection,
    migration: Migration,
    lock: Callable[[DuckDBPyConnection], None] | None,
) -> bool:
    """Apply one migration; return whether it was still to be done."""
    connection.execute("BEGIN")
    try:
        if lock is not None:
            lock(connection)
            if schema_version(connection) >= migration.number:
                connection.execute("ROLLBACK")
                return False
        connection.execute(
            "CREATE TABLE IF NOT EXISTS db.schema_migrations"
            " (number INTEGER PRIMARY KEY, name VARCHAR NOT NULL, applied TIMESTAMP NOT NULL)"
        )
        connection.execute(migration.sql)
        connection.execute(
            "INSERT INTO db.schema_migrations VALUES ($1, $2, $3)",
            [migration.number, migration.name, datetime.now(UTC).replace(tzinfo=None)],
        )
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    if lock is None:
        connection.execute("CHECKPOINT db")
    return True
