"""A workspace's own database moved to a team's store, whole, and compared afterwards.

Rows with an id are sent where the server lacks the id; of other tables, all rows of a parent (a
spec, an eval, a calibration) in one transaction where the server has none of it. So a push that was
broken off goes on where it was, and one done twice doubles nothing.

A team's store made ready: the extension, the rights, the tables, the indexes, its settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from core.errors import StoreError
from core.records import Progress
from core.store.database import DATABASE_NAME, Store
from core.store.errors import explained, is_lost
from core.store.migrations import migrate, migrations, schema_version
from core.store.server import (
    attach_server,
    execute_there,
    install_extension,
    lock_there,
    require_schema,
)
from core.store.server_url import server_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from duckdb import DuckDBPyConnection

    from core.store.tables import Row


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
    from core.store.engine import engine

    for attempt in range(_TRIES):
        try:
            execute_there(root, _VERSIONS)
        except engine.Error as error:
            if attempt == _TRIES - 1 or is_lost(str(error)):
                raise
        else:
            return


#: What belongs to one store and not to the work in it.
_STAYS: Final = frozenset({"schema_migrations", "store_settings", "leases"})
_AT_ONCE: Final = 50_000


@dataclass(frozen=True, slots=True)
class PushedTable:
    """One table after a push.

    ``rows`` are the workspace's, ``sent`` those that went now, ``there`` those of them that the
    server has now; ``hash`` is over the content of all of them, ``hash_there`` over the same rows
    as the server has them. ``differing`` rows are there in another form, and were left so.
    """

    table: str
    rows: int
    sent: int
    there: int
    differing: int
    hash: str
    hash_there: str

    @property
    def whole(self) -> bool:
        """Whether every row is there."""
        return self.there >= self.rows

    @property
    def same(self) -> bool:
        """Whether every row is there as it is here."""
        return self.whole and self.hash == self.hash_there


@dataclass(frozen=True, slots=True)
class PushReport:
    """What a push did, table by table."""

    place: str
    tables: tuple[PushedTable, ...]

    @property
    def whole(self) -> bool:
        """Whether everything is there."""
        return all(table.whole for table in self.tables)

    @property
    def differing(self) -> int:
        """How many rows are there in another form."""
        return sum(table.differing for table in self.tables)


def push(folder: Path, url: str, progress: Callable[[Progress], None] | None = None) -> PushReport:
    """Send the database in ``folder`` to a team's store and compare what is there.

    Args:
        folder: a ``.rejudge`` folder with a database of its own.
        url: the team's store; ``set_up`` was there.
        progress: told after each stretch of rows.

    Raises:
        StoreLockedError: another process has the workspace open.
        StoreError: one of the two cannot be used, or the server went away; do it again then.
    """
    from core.store.engine import engine

    server = server_url(url)
    path = folder / DATABASE_NAME
    Store.open(folder).close()  # brings it to this schema
    with explained(str(path)):
        root = engine.connect()
    try:
        with explained(str(path)):
            escaped = str(path.resolve()).replace("'", "''")
            root.execute("SET autoinstall_known_extensions = false")
            root.execute(f"ATTACH '{escaped}' AS mine (READ_ONLY)")
        with explained(server.shown):
            attach_server(root, server)
            require_schema(root, server.shown)
            sending = _Sending(root, progress)
            tables = tuple(sending.send(table) for table in _tables(root))
    finally:
        root.close()
    return PushReport(server.shown, tables)


def _tables(root: DuckDBPyConnection) -> list[str]:
    """Return the tables to send, what people did last: it names rows of all others."""
    rows = root.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = 'mine' ORDER BY table_name"
    ).fetchall()
    names = [str(row[0]) for row in rows if row[0] not in _STAYS]
    return sorted(names, key=lambda name: (name == "label_events", name))


class _Sending:
    def __init__(
        self, root: DuckDBPyConnection, progress: Callable[[Progress], None] | None
    ) -> None:
        self._root = root
        self._progress = progress
        (total,) = self._one(
            "SELECT coalesce(sum(estimated_size), 0) FROM duckdb_tables()"
            " WHERE database_name = 'mine'"
        )
        self._total = int(total)
        self._done = 0

    def send(self, table: str) -> PushedTable:
        columns = self._columns(table)
        by_id = columns[0] == "id"
        sent = self._send_by_id(table, columns) if by_id else self._send_by_parent(table, columns)
        rows, there, differing, here, other = self._compare(table, columns)
        return PushedTable(table, rows, sent, there, differing, here, other)

    def _columns(self, table: str) -> list[str]:
        rows = self._root.execute(
            "SELECT column_name FROM duckdb_columns() WHERE database_name = 'mine'"
            " AND table_name = $1 ORDER BY column_index",
            [table],
        ).fetchall()
        return [str(row[0]) for row in rows]

    def _send_by_id(self, table: str, columns: list[str]) -> int:
        ends = self._root.execute(
            "SELECT id FROM (SELECT id, row_number() OVER (ORDER BY id) AS place"
            f" FROM mine.{table}) WHERE place % {_AT_ONCE} = 0 ORDER BY id"
        ).fetchall()
        bounds = [None, *(row[0] for row in ends), None]
        sent = 0
        for first, last in pairwise(bounds):
            sent += self._send_stretch(table, columns, first, last)
        return sent

    def _send_stretch(self, table: str, columns: list[str], first: object, last: object) -> int:
        wanted = ["TRUE"]
        parameters: list[object] = []
        for bound, sign in ((first, ">"), (last, "<=")):
            if bound is not None:
                parameters.append(bound)
                wanted.append(f"id {sign} ${len(parameters)}")
        stretch = " AND ".join(wanted)
        sql = (
            f"INSERT INTO db.{table} ({', '.join(columns)})"
            f" SELECT {', '.join(columns)} FROM mine.{table} WHERE {stretch}"
            f" AND id NOT IN (SELECT id FROM db.{table} WHERE {stretch})"
        )
        sent = self._locked(table, sql, parameters)
        (rows,) = self._one(f"SELECT count(*) FROM mine.{table} WHERE {stretch}", parameters)
        self._tell(table, int(rows))
        return sent

    def _send_by_parent(self, table: str, columns: list[str]) -> int:
        parent = columns[0]
        sql = (
            f"INSERT INTO db.{table} ({', '.join(columns)})"
            f" SELECT {', '.join(columns)} FROM mine.{table}"
            f" WHERE {parent} NOT IN (SELECT {parent} FROM db.{table})"
        )
        sent = self._locked(table, sql, [])
        (rows,) = self._one(f"SELECT count(*) FROM mine.{table}")
        self._tell(table, int(rows))
        return sent

    def _locked(self, table: str, sql: str, parameters: list[object]) -> int:
        self._root.execute("BEGIN")
        try:
            lock_there(self._root, table)
            row = self._root.execute(sql, parameters).fetchone()
        except BaseException:
            self._roll_back()
            raise
        self._root.execute("COMMIT")
        return int(row[0]) if row else 0

    def _roll_back(self) -> None:
        from contextlib import suppress

        from core.store.engine import engine

        with suppress(engine.Error):
            self._root.execute("ROLLBACK")

    def _compare(self, table: str, columns: list[str]) -> tuple[int, int, int, str, str]:
        """Count and hash the workspace's rows here and there.

        The hash of a table is the sum of its rows' MD5 sums, so no order matters; both are taken
        by DuckDB, from rows told in the same words.
        """
        types = dict(
            self._root.execute(
                "SELECT column_name, data_type FROM duckdb_columns()"
                " WHERE database_name = 'mine' AND table_name = $1",
                [table],
            ).fetchall()
        )
        told = ", ".join(_told(column, types[column]) for column in columns)
        digest = f"md5_number_lower(to_json([{told}]))"
        key = columns[0]
        self._root.execute(
            f"CREATE OR REPLACE TEMP TABLE here AS SELECT {key} AS key, {digest} AS digest"
            f" FROM mine.{table}"
        )
        self._root.execute(
            f"CREATE OR REPLACE TEMP TABLE there AS SELECT {key} AS key, {digest} AS digest"
            f" FROM db.{table} WHERE {key} IN (SELECT key FROM here)"
        )
        rows, mine = self._one("SELECT count(*), coalesce(sum(digest), 0) FROM here")
        there, theirs = self._one("SELECT count(*), coalesce(sum(digest), 0) FROM there")
        (differing,) = self._one(
            "SELECT count(*) FROM (SELECT key, digest FROM here EXCEPT ALL"
            " SELECT key, digest FROM there)"
        )
        lacking = max(0, int(rows) - int(there))
        return (
            int(rows),
            int(there),
            max(0, int(differing) - lacking),
            f"{int(mine) % 2**64:016x}",
            f"{int(theirs) % 2**64:016x}",
        )

    def _one(self, sql: str, parameters: list[object] | None = None) -> Row:
        row = self._root.execute(sql, parameters or []).fetchone()
        if row is None:
            raise AssertionError(sql)
        return row

    def _tell(self, table: str, rows: int) -> None:
        self._done += rows
        if self._progress is not None:
            self._progress(Progress(self._done, max(self._total, self._done), table))


def _told(column: str, kind: str) -> str:
    """Return a column as text; PostgreSQL's own has no NUL in it."""
    text = f'CAST("{column}" AS VARCHAR)'
    return f"replace({text}, chr(0), '\ufffd')" if kind == "VARCHAR" else text
