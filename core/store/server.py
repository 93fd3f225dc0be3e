"""A team's store: a PostgreSQL database attached as ``db``.

DuckDB's postgres extension does the work; few statements go to the server in its own SQL. The
extension comes from its PyPI package or from DuckDB's own site, and is only installed by
``set_up``.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from core.errors import StoreError, UnavailableError
from core.store.errors import explained, is_lost
from core.store.migrations import migrate, migrations, schema_version
from core.store.server_url import server_url
from core.store.sql import literal

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
# Scans by page ranges would keep the server from its indexes. PostgreSQL's text holds no NUL.
_SETTINGS: Final = ("SET pg_use_ctid_scan = false", "SET pg_null_byte_replacement = '\ufffd'")
_INDEXES: Final = Path(__file__).with_name("indexes.sql")
_VERSIONS: Final = (
    "CREATE TABLE IF NOT EXISTS schema_migrations"
    " (number INTEGER PRIMARY KEY, name VARCHAR NOT NULL, applied TIMESTAMP NOT NULL)"
)
#: Attempts at creating a table that somebody else is creating at the same moment.
_TRIES: Final = 3


def attach_server(root: DuckDBPyConnection, url: ServerUrl) -> None:
    """Attach the database as ``db``.

    Raises:
        UnavailableError: DuckDB's postgres extension is not installed.
        duckdb.Error: the server cannot be reached or refuses.
    """
    load_extension(root)
    for setting in _SETTINGS:
        root.execute(setting)
    root.execute(f"ATTACH {literal(url.connection)} AS db (TYPE postgres)")


def require_schema(root: DuckDBPyConnection, place: str) -> None:
    """Raise unless the database has exactly this program's schema.

    Only ``rejudge team setup`` changes a team's tables: migrating on opening would lock out
    everybody who has not upgraded yet.

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
            todo="Create them with: rejudge team setup",
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
        todo="Migrate it with: rejudge team setup   Then everybody has to upgrade.",
    )


def execute_on_server(connection: DuckDBPyConnection, statement: str) -> None:
    """Run a statement in PostgreSQL's own SQL, in the open transaction."""
    connection.execute(f"CALL postgres_execute('db', {literal(statement)})")


def lock_table(connection: DuckDBPyConnection, table: str) -> None:
    """Keep others from writing to a table until the transaction ends; they can still read.

    It has to be the first statement of the transaction, so that what follows reads the table as it
    is once the lock is held.
    """
    execute_on_server(connection, f'LOCK TABLE "{table}" IN EXCLUSIVE MODE')


def server_time(connection: DuckDBPyConnection) -> datetime:
    """Return the server's time in UTC, as a naive datetime."""
    row = connection.execute(
        "SELECT now FROM postgres_query('db',"
        " 'SELECT clock_timestamp() AT TIME ZONE ''UTC'' AS now')"
    ).fetchone()
    if row is None:
        raise StoreError("the server returned no time")
    now: datetime = row[0]
    return now


@dataclass(frozen=True, slots=True)
class TeamSetup:
    """The result of ``set_up``.

    Attributes:
        place: the server, for messages.
        extension: where DuckDB's postgres extension comes from.
        server: the server's version.
        user: the name under which it knows us.
        schema: the schema's version.
        applied: the number of migrations that were applied.
    """

    place: str
    extension: str
    server: str
    user: str
    schema: int
    applied: int


def set_up(url: str) -> TeamSetup:
    """Create the tables of a team's store, or migrate them. Running it again is harmless.

    People who run it at the same time wait for each other.

    Raises:
        InputError: the url cannot be read.
        UnavailableError: DuckDB's postgres extension is missing and cannot be installed.
        StoreError: the server does not answer, or the user may not create tables there.
    """
    from core.store.engine import engine

    server = server_url(url)
    with explained(server.shown):
        root = engine.connect()
    try:
        extension = install_extension(root)
        with explained(server.shown):
            attach_server(root, server)
            version, user = _who(root)
            _require_rights(root, server.shown, user)
            applied = _make_tables(root, server.shown)
            schema = schema_version(root)
    finally:
        root.close()
    return TeamSetup(server.shown, extension, version, user, schema, applied)


def _who(root: DuckDBPyConnection) -> tuple[str, str]:
    row = root.execute(
        "SELECT version, person FROM postgres_query('db',"
        " 'SELECT current_setting(''server_version'') AS version, current_user::text AS person')"
    ).fetchone()
    return (str(row[0]), str(row[1])) if row else ("", "")


def _require_rights(root: DuckDBPyConnection, place: str, user: str) -> None:
    """Raise unless the user may create tables, or the schema is up to date."""
    if schema_version(root) == migrations()[-1].number:
        return
    row = root.execute(
        "SELECT allowed FROM postgres_query('db',"
        " 'SELECT has_schema_privilege(''public'', ''CREATE'') AS allowed')"
    ).fetchone()
    if row is None or not row[0]:
        raise StoreError(
            f"{user} may not create tables there",
            where=place,
            todo=f'Have the owner of the database run: GRANT CREATE ON SCHEMA public TO "{user}";',
        )


def _make_tables(root: DuckDBPyConnection, place: str) -> int:
    _make_versions(root)
    applied = migrate(
        root, place, lambda _: None, lambda connection: lock_table(connection, "schema_migrations")
    )
    root.execute("BEGIN")
    lock_table(root, "schema_migrations")
    for statement in _INDEXES.read_text("utf-8").split(";"):
        if statement.strip():
            execute_on_server(root, statement.strip())
    execute_on_server(
        root,
        f"INSERT INTO store_settings VALUES ('store', '{uuid4()}') ON CONFLICT DO NOTHING",
    )
    root.execute("COMMIT")
    return applied


def _make_versions(root: DuckDBPyConnection) -> None:
    """Create the table that concurrent set-ups lock; PostgreSQL may fail two that create it."""
    from core.store.engine import engine

    for attempt in range(_TRIES):
        try:
            execute_on_server(root, _VERSIONS)
        except engine.Error as error:
            if attempt == _TRIES - 1 or is_lost(str(error)):
                raise
        else:
            return


def load_extension(root: DuckDBPyConnection) -> None:
    """Load the postgres extension from its PyPI package, or from DuckDB's extension folder.

    Raises:
        UnavailableError: it is in neither place, or is for another release of DuckDB.
    """
    from core.store.engine import engine

    try:
        root.execute(f"LOAD {literal(str(packaged_extension(root) or 'postgres'))}")
    except engine.Error as error:
        raise UnavailableError(
            f"the postgres extension of DuckDB {_release(root)} is not installed",
            todo=f"Install it online: rejudge team setup   or offline: {_BY_WHEEL}",
        ) from error


def install_extension(root: DuckDBPyConnection) -> str:
    """Install the postgres extension if it is missing; return where it comes from.

    Nowhere else may DuckDB download anything.

    Raises:
        UnavailableError: it cannot be downloaded; the message gives the alternatives.
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
    """Return the extension's file in its PyPI package; None if not for this DuckDB release."""
    found = find_spec(_MODULE)
    if found is None or found.origin is None:
        return None
    release = _release(root)
    path = Path(found.origin).parent / "extensions" / release / _FILE
    return path if path.is_file() else None


def _release(root: DuckDBPyConnection) -> str:
    row = root.execute("SELECT version()").fetchone()
    return str(row[0]) if row else "of unknown release"
