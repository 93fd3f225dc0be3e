"""Pushing a workspace's database to a team's store, and comparing the two afterwards.

Tables with an id are sent row by row where the server lacks the id; of other tables, all rows of a
parent (a spec, an eval, a calibration) go in one transaction if the server has none of them. So an
interrupted push resumes, and repeating one duplicates nothing.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from core.records import Progress
from core.store.database import DATABASE_NAME
from core.store.errors import explained
from core.store.opening import open_store
from core.store.server import attach_server, lock_table, require_schema
from core.store.server_url import server_url
from core.store.sql import literal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from core.store.sql import Row


#: Tables about the store itself, not about the work in it.
_NOT_SENT: Final = frozenset({"schema_migrations", "store_settings", "leases"})
_CHUNK_ROWS: Final = 50_000


@dataclass(frozen=True, slots=True)
class PushedTable:
    """A table after a push.

    Attributes:
        table: its name.
        rows: the number of rows in the workspace.
        sent: the rows sent by this push.
        there: the workspace's rows that the server has now.
        differing: rows that the server has with another content; they were not changed.
        hash: a hash of the workspace's rows.
        hash_there: the same of these rows on the server.
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
        """Whether the server has every row."""
        return self.there >= self.rows

    @property
    def same(self) -> bool:
        """Whether the server has every row with the same content."""
        return self.whole and self.hash == self.hash_there


@dataclass(frozen=True, slots=True)
class PushReport:
    """The result of a push, by table."""

    place: str
    tables: tuple[PushedTable, ...]

    @property
    def whole(self) -> bool:
        """Whether the server has every row of every table."""
        return all(table.whole for table in self.tables)

    @property
    def differing(self) -> int:
        """The number of rows whose content differs on the server."""
        return sum(table.differing for table in self.tables)


def push(folder: Path, url: str, progress: Callable[[Progress], None] | None = None) -> PushReport:
    """Send the database in ``folder`` to a team's store and compare the two.

    Args:
        folder: a ``.rejudge`` folder with a database of its own.
        url: the team's store, prepared by ``set_up``.
        progress: called after each chunk of rows.

    Raises:
        StoreLockedError: another process has the workspace open.
        StoreError: a store cannot be used, or the server went away; push again then.
    """
    from core.store.engine import engine

    server = server_url(url)
    path = folder / DATABASE_NAME
    open_store(folder).close()  # migrates it
    with explained(str(path)):
        root = engine.connect()
    try:
        with explained(str(path)):
            root.execute("SET autoinstall_known_extensions = false")
            root.execute(f"ATTACH {literal(str(path.resolve()))} AS mine (READ_ONLY)")
        with explained(server.shown):
            attach_server(root, server)
            require_schema(root, server.shown)
            sender = _Sender(root, progress)
            tables = tuple(sender.send(table) for table in _tables(root))
    finally:
        root.close()
    return PushReport(server.shown, tables)


def _tables(root: DuckDBPyConnection) -> list[str]:
    """Return the tables to send; label events last, since they refer to rows of the others."""
    rows = root.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = 'mine' ORDER BY table_name"
    ).fetchall()
    names = [str(row[0]) for row in rows if row[0] not in _NOT_SENT]
    return sorted(names, key=lambda name: (name == "label_events", name))


class _Sender:
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
            f" FROM mine.{table}) WHERE place % {_CHUNK_ROWS} = 0 ORDER BY id"
        ).fetchall()
        bounds = [None, *(row[0] for row in ends), None]
        sent = 0
        for first, last in pairwise(bounds):
            sent += self._send_chunk(table, columns, first, last)
        return sent

    def _send_chunk(self, table: str, columns: list[str], first: object, last: object) -> int:
        wanted = ["TRUE"]
        parameters: list[object] = []
        for bound, sign in ((first, ">"), (last, "<=")):
            if bound is not None:
                parameters.append(bound)
                wanted.append(f"id {sign} ${len(parameters)}")
        chunk = " AND ".join(wanted)
        sql = (
            f"INSERT INTO db.{table} ({', '.join(columns)})"
            f" SELECT {', '.join(columns)} FROM mine.{table} WHERE {chunk}"
            f" AND id NOT IN (SELECT id FROM db.{table} WHERE {chunk})"
        )
        sent = self._locked(table, sql, parameters)
        (rows,) = self._one(f"SELECT count(*) FROM mine.{table} WHERE {chunk}", parameters)
        self._report(table, int(rows))
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
        self._report(table, int(rows))
        return sent

    def _locked(self, table: str, sql: str, parameters: list[object]) -> int:
        self._root.execute("BEGIN")
        try:
            lock_table(self._root, table)
            row = self._root.execute(sql, parameters).fetchone()
        except BaseException:
            self._roll_back()
            raise
        self._root.execute("COMMIT")
        return int(row[0]) if row else 0

    def _roll_back(self) -> None:
        from core.store.engine import engine

        with suppress(engine.Error):
            self._root.execute("ROLLBACK")

    def _compare(self, table: str, columns: list[str]) -> tuple[int, int, int, str, str]:
        """Count and hash the workspace's rows here and there.

        The hash of a table is the sum of its rows' MD5 sums, so their order does not matter. DuckDB
        computes both, from the same text form of the values.
        """
        types = dict(
            self._root.execute(
                "SELECT column_name, data_type FROM duckdb_columns()"
                " WHERE database_name = 'mine' AND table_name = $1",
                [table],
            ).fetchall()
        )
        texts = ", ".join(_as_text(column, types[column]) for column in columns)
        digest = f"md5_number_lower(to_json([{texts}]))"
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

    def _report(self, table: str, rows: int) -> None:
        self._done += rows
        if self._progress is not None:
            self._progress(Progress(self._done, max(self._total, self._done), table))


def _as_text(column: str, kind: str) -> str:
    """Return a column as text in SQL, without NUL, which PostgreSQL cannot store."""
    text = f'CAST("{column}" AS VARCHAR)'
    return f"replace({text}, chr(0), '\ufffd')" if kind == "VARCHAR" else text
