"""A team's store made ready: the extension, the rights, the tables, the indexes, its settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from core.errors import StoreError
from core.migrations import migrate, migrations, schema_version
from core.store_errors import explained
from core.team.extension import install_extension
from core.team.server import attach_server, execute_there, lock_there
from core.team.server_errors import is_lost
from core.team.server_url import server_url

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_INDEXES: Final = Path(__file__).with_name("indexes.sql")
_VERSIONS: Final = (
    "CREATE TABLE IF NOT EXISTS schema_migrations"
    " (number INTEGER PRIMARY KEY, name VARCHAR NOT NULL, applied TIMESTAMP NOT NULL)"
)
#: How often to ask for a table again that somebody else is making at the same moment.
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class TeamSetup:
    """What ``set_up`` found and did.

    ``extension`` says where DuckDB's postgres extension comes from, ``server`` is the server's
    version, ``applied`` how many migrations were still to be done.
    """

    place: str
    extension: str
    server: str
    user: str
    schema: int
    applied: int


def set_up(url: str) -> TeamSetup:
    """Make the tables of a team's store, or bring them up to date. Doing it again is harmless.

    Any number of people may do it at once: they wait for each other.

    Raises:
        InputError: the url cannot be read.
        UnavailableError: DuckDB's postgres extension is not here and cannot be installed.
        StoreError: the server does not answer, or the user may not make tables there.
    """
    from core.engine import engine

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
    """Raise unless the user may make tables, or they are there already."""
    if schema_version(root) == migrations()[-1].number:
        return
    row = root.execute(
        "SELECT allowed FROM postgres_query('db',"
        " 'SELECT has_schema_privilege(''public'', ''CREATE'') AS allowed')"
    ).fetchone()
    if row is None or not row[0]:
        raise StoreError(
            f"{user} may not make tables there",
            where=place,
            todo=f'Have the owner of the database run: GRANT CREATE ON SCHEMA public TO "{user}";',
        )


def _make_tables(root: DuckDBPyConnection, place: str) -> int:
    _make_versions(root)
    applied = migrate(
        root, place, lambda _: None, lambda connection: lock_there(connection, "schema_migrations")
    )
    root.execute("BEGIN")
    lock_there(root, "schema_migrations")
    for statement in _INDEXES.read_text("utf-8").split(";"):
        if statement.strip():
            execute_there(root, statement.strip())
    execute_there(
        root,
        f"INSERT INTO store_settings VALUES ('store', '{uuid4()}') ON CONFLICT DO NOTHING",
    )
    root.execute("COMMIT")
    return applied


def _make_versions(root: DuckDBPyConnection) -> None:
    """Make the table that the others wait on; PostgreSQL lets two do it at once fail."""
    from core.engine import engine

    for attempt in range(_TRIES):
        try:
            execute_there(root, _VERSIONS)
        except engine.Error as error:
            if attempt == _TRIES - 1 or is_lost(str(error)):
                raise
        else:
            return
