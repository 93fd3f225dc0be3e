"""A PostgreSQL database attached as ``db``, and the few things asked of it in its own tongue.

DuckDB's postgres extension: found, loaded, or installed when somebody asks for it.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.errors import StoreError, UnavailableError
from core.store.migrations import migrations, schema_version

if TYPE_CHECKING:
    from datetime import datetime

    from duckdb import DuckDBPyConnection

    from core.store.server_url import ServerUrl


#: The PyPI package that carries the extension, for one release of DuckDB exactly.
PACKAGE: Final = "duckdb-extension-postgres-scanner"
WITH_WHEEL: Final = "1.5.5"
_MODULE: Final = "duckdb_extension_postgres_scanner"
_FILE: Final = "postgres_scanner.duckdb_extension"
_BY_WHEEL: Final = f"pip install duckdb=={WITH_WHEEL} {PACKAGE}=={WITH_WHEEL}"


def load_extension(root: DuckDBPyConnection) -> None:
    """Load the extension from its PyPI package, else from where DuckDB installed it before.

    Raises:
        UnavailableError: it is in neither place, or does not go with this DuckDB.
    """
    from core.store.engine import engine

    try:
        root.execute(f"LOAD {_quoted(str(packaged_extension(root) or 'postgres'))}")
    except engine.Error as error:
        raise UnavailableError(
            f"DuckDB {_release(root)} lacks its postgres extension here",
            todo=f"Install it online: rejudge team setup   or offline: {_BY_WHEEL}",
        ) from error


def install_extension(root: DuckDBPyConnection) -> str:
    """Make sure that the extension is there; return where it comes from.

    The one place where rejudge lets DuckDB download something.

    Raises:
        UnavailableError: it cannot be downloaded; says what else to do.
    """
    from core.store.engine import engine

    packaged = packaged_extension(root)
    if packaged is not None:
        return f"the package {PACKAGE}"
    try:
        root.execute("LOAD postgres")
    except engine.Error:
        try:
            root.execute("INSTALL postgres")
        except engine.Error as error:
            raise UnavailableError(
                f"the postgres extension of DuckDB {_release(root)} could not be downloaded",
                where=str(error).strip().splitlines()[0][:200],
                todo=f"Let this machine reach extensions.duckdb.org, or: {_BY_WHEEL}",
            ) from error
        return "extensions.duckdb.org"
    return "an earlier installation"


def packaged_extension(root: DuckDBPyConnection) -> Path | None:
    """Return the extension's file in its PyPI package if that goes with this DuckDB."""
    found = find_spec(_MODULE)
    if found is None or found.origin is None:
        return None
    release = _release(root)
    path = Path(found.origin).parent / "extensions" / release / _FILE
    return path if path.is_file() else None


def _release(root: DuckDBPyConnection) -> str:
    row = root.execute("SELECT version()").fetchone()
    return str(row[0]) if row else "of unknown release"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


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
