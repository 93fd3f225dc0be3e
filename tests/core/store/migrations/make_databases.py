"""Makes a database as each version of the schema wrote it: one for each migration.

    python -m tests.core.store.migrations.make_databases

Those that are there are left alone: a released version never changes. A database of DuckDB holds a
quarter of a megabyte for each table, zeros mostly; compressed it has some kilobytes.
"""

from __future__ import annotations

import gzip
import re
import tempfile
from pathlib import Path
from typing import Final

from core.store.engine import engine
from core.store.migrations import Migration, migrations
from core.store.sql import attach_file

FOLDER: Final = Path(__file__).with_name("databases")
_ROWS: Final = Path(__file__).with_name("rows.sql")


def database_file(number: int) -> Path:
    """Return where the database of a schema version lies, compressed."""
    return FOLDER / f"schema-{number:04d}.duckdb.gz"


def rows_of(number: int) -> str:
    """Return the SQL that fills what a migration brings; empty when nobody wrote any."""
    parts = re.split(r"^-- (\d{4})$", _ROWS.read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(map(int, parts[1::2]), parts[2::2], strict=True)).get(number, "")


def make(upto: Migration) -> None:
    """Write the database of a schema version."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.duckdb"
        with engine.connect() as root:
            attach_file(root, path, "db")
            root.execute(
                "CREATE TABLE db.schema_migrations"
                " (number INTEGER PRIMARY KEY, name VARCHAR NOT NULL, applied TIMESTAMP NOT NULL)"
            )
            for migration in migrations():
                if migration.number > upto.number:
                    break
                root.execute(migration.sql)
                root.execute(rows_of(migration.number))
                root.execute(
                    "INSERT INTO db.schema_migrations VALUES ($1, $2, TIMESTAMP '2030-01-01')",
                    [migration.number, migration.name],
                )
            root.execute("CHECKPOINT db")
        database_file(upto.number).write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each in migrations():
        if not database_file(each.number).exists():
            make(each)
            print(database_file(each.number), database_file(each.number).stat().st_size)
