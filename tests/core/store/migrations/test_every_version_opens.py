"""A database that any version of the schema wrote is opened by this program, with all its rows."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest

from core.store.backups import backups
from core.store.database import DATABASE_NAME
from core.store.engine import engine
from core.store.migrations import migrations, schema_version
from core.store.opening import open_store
from core.store.recovery import restore
from core.store.sql import literal
from labels.audit.session import AuditSession
from tests.building import new_workspace
from tests.core.store.migrations.make_databases import database_file, rows_of
from tui.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

    from core.store.sql import Row
    from core.workspace import Workspace

NUMBERS = [migration.number for migration in migrations()]


@pytest.fixture(name="workspace")
def _workspace(tmp_path: Path, number: int) -> Workspace:
    made = new_workspace(tmp_path)
    content = gzip.decompress(database_file(number).read_bytes())
    (made.folder / DATABASE_NAME).write_bytes(content)
    return made


def content(path: Path) -> tuple[int, dict[str, list[Row]]]:
    """Return the schema version of a file and, for each table, its columns' SQL and its rows."""
    with engine.connect() as root:
        root.execute(f"ATTACH {literal(str(path))} AS db (READ_ONLY)")
        version = schema_version(root)
        columns = root.execute(
            "SELECT table_name, string_agg(column_name, ', ' ORDER BY column_index)"
            " FROM duckdb_columns() WHERE database_name = 'db' GROUP BY table_name"
        ).fetchall()
        return version, {
            f"SELECT {names} FROM db.{table}": sorted(
                root.execute(f"SELECT {names} FROM db.{table}").fetchall(), key=repr
            )
            for table, names in columns
            if table != "schema_migrations"
        }


@pytest.mark.own_file
@pytest.mark.parametrize("number", NUMBERS)
def test_all_rows_are_there(
    workspace: Workspace, number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    version, before = content(workspace.folder / DATABASE_NAME)
    assert version == number
    empty = [query for query, rows in before.items() if not rows]
    assert not empty, f"rows.sql has none for {empty}"
    with open_store(workspace.folder) as store:
        for query, rows in before.items():
            assert sorted(store.read(query), key=repr) == rows
        applied = store.read("SELECT number FROM db.schema_migrations ORDER BY number")
        assert applied == [(one,) for one in NUMBERS]
        session = AuditSession.start(store, "new")
        session.grade(5)
    assert len(backups(workspace.folder)) == min(5, NUMBERS[::-1].index(number))
    assert main(["--workspace", str(workspace.root), "status", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["documents"], told["queries"], told["pairs"]) == (3, 2, 3)
    assert told["judgments"] == {"ok": 1, "failed": 1}


@pytest.mark.own_file
@pytest.mark.parametrize("number", NUMBERS)
def test_a_backup_of_that_version_can_be_restored(workspace: Workspace, number: int) -> None:
    database = workspace.folder / DATABASE_NAME
    (workspace.folder / "backups").mkdir()
    database.rename(workspace.folder / "backups" / "dated-20300108T080000.duckdb")
    before = content(workspace.folder / "backups" / "dated-20300108T080000.duckdb")[1]
    database.write_bytes(b"junk" * 5000)
    restore(workspace.folder)
    with open_store(workspace.folder) as store:
        for query, rows in before.items():
            assert sorted(store.read(query), key=repr) == rows


def test_every_migration_has_its_database() -> None:
    missing = [n for n in NUMBERS if not database_file(n).exists() or not rows_of(n)]
    assert not missing, f"write rows.sql, then: {make_command()}"


def make_command() -> str:
    return "python -m tests.core.store.migrations.make_databases"
