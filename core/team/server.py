"""A PostgreSQL database attached as ``db``, and the few things asked of it in its own tongue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.errors import StoreError
from core.migrations import migrations, schema_version
from core.team.extension import load_extension

if TYPE_CHECKING:
    from datetime import datetime

    from duckdb import DuckDBPyConnection

    from core.team.server_url import ServerUrl

# Scans by page ranges would keep the server from its indexes. PostgreSQL's text holds no NUL.
_SETTINGS: Final = ("SET pg_use_ctid_scan = false", "SET pg_null_byte_replacement = '\ufffd'")


def attach_server(root: DuckDBPyConnection, url: ServerUrl) -> None:
    """Attach the database as ``db``.

    Raises:
        UnavailableError: DuckDB's postgres extension is not here.
        duckdb.Error: the server cannot be reached or refuses.
    """
    load_extension(root)
    for setting in _SETTINGS:
        root.execute(setting)
    escaped = url.connection.replace("'", "''")
    root.execute(f"ATTACH '{escaped}' AS db (TYPE postgres)")


def require_schema(root: DuckDBPyConnection, place: str) -> None:
    """Raise unless the database has the tables of this very program.

    A team's tables are changed by ``rejudge team setup`` alone: whoever opens the store might
    lock the others out.

    Raises:
        StoreError: there are no tables, or older or newer ones.
    """
    present = schema_version(root)
    newest = migrations()[-1].number
    if present == newest:
        return
    if present == 0:
        raise StoreError(
            "that database has no rejudge tables yet",
            where=place,
            todo="Make them with: rejudge team setup",
        )
    if present > newest:
        raise StoreError(
            f"the team's store was made by a newer rejudge (schema {present},"
            f" this program knows {newest})",
            where=place,
            todo="Upgrade rejudge.",
        )
    raise StoreError(
        f"the team's store is older than this rejudge (schema {present} of {newest})",
        where=place,
        todo="Bring it up to date with: rejudge team setup   then everybody upgrades.",
    )


def execute_there(connection: DuckDBPyConnection, statement: str) -> None:
    """Run one statement of PostgreSQL's own, in the transaction that is open."""
    escaped = statement.replace("'", "''")
    connection.execute(f"CALL postgres_execute('db', '{escaped}')")


def lock_there(connection: DuckDBPyConnection, table: str) -> None:
    """Let nobody else write to the table until the transaction ends; reading goes on.

    It has to be the first statement of the transaction: what is read later is read as it stands
    once the lock is had.
    """
    execute_there(connection, f'LOCK TABLE "{table}" IN EXCLUSIVE MODE')


def time_there(connection: DuckDBPyConnection) -> datetime:
    """Return the server's time in UTC, without a zone."""
    row = connection.execute(
        "SELECT now FROM postgres_query('db',"
        " 'SELECT clock_timestamp() AT TIME ZONE ''UTC'' AS now')"
    ).fetchone()
    if row is None:
        raise StoreError("the server does not tell the time")
    told: datetime = row[0]
    return told
