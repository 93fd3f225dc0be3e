"""The store: one database, opened once and shared by cursors.

The process keeps an in-memory root and attaches the data to it as ``db``: a DuckDB file that it
owns alone, or a PostgreSQL database that a team shares. Views live in the root. Every read and
every transaction takes its own cursor, because a DuckDB connection must not be shared between
threads. Writers take turns.
"""

from __future__ import annotations

import shutil
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from core.errors import StoreLockedError
from core.ids import utc_now
from core.store.backups import LABELS_BETWEEN, backups, is_old, write_backup
from core.store.errors import explained, is_lost
from core.store.journal import LabelJournal
from core.store.server import lock_table, server_time
from core.store.sql import literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from duckdb import DuckDBPyConnection, DuckDBPyRelation, Statement

    from core.store.sql import Row


DATABASE_NAME: Final = "rejudge.duckdb"


@dataclass(frozen=True, slots=True)
class ReadOnlyCopy:
    """A copy of the database that is read while another process has the original open.

    Attributes:
        made: when the backup was made that was copied, in UTC.
        holder: who has the original, a clause: ``another process has this workspace open: ...``.
        folder: of the copy.
    """

    made: datetime
    holder: str
    folder: Path

    @property
    def notice(self) -> str:
        """A line that tells the person what they see."""
        return (
            f"{self.holder}. This is a read-only copy of {self.made:%Y-%m-%d %H:%M} UTC with the"
            " labels of now; nothing can be changed here meanwhile."
        )

    def remove(self) -> None:
        """Remove the copy."""
        shutil.rmtree(self.folder, ignore_errors=True)


class Store:
    """An open database. Use as a context manager, or call ``close``.

    ``core.store.opening`` opens it.

    Attributes:
        folder: the ``.rejudge`` folder, for the files that stay on this machine.
        place: the database's file or url, for messages.
        shared: whether it is a team's, which others write to at the same time.
        read_only_copy: set when this is a copy because another process has the original open.
    """

    def __init__(self, root: DuckDBPyConnection, folder: Path, place: str, *, shared: bool) -> None:
        self._root = root
        self._writing = threading.RLock()
        self._single: DuckDBPyConnection | None = None
        self._parsed: dict[str, Statement] = {}
        self._journal: LabelJournal | None = None
        self._backing_up = threading.Lock()
        self._backup_cursor: DuckDBPyConnection | None = None
        self.folder = folder
        self.place = place
        self.shared = shared
        self.read_only_copy: ReadOnlyCopy | None = None

    def __enter__(self) -> Self:
        """Return the store itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the store."""
        self.close()

    def read(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Run one statement on a cursor of its own and return all its rows.

        Raises:
            StoreError: the database refused; the message says why.
        """
        with explained(self.place):
            cursor = self._root.cursor()
            try:
                return cursor.execute(sql, list(parameters)).fetchall()
            finally:
                cursor.close()

    def relation(self, sql: str) -> DuckDBPyRelation:
        """Return a query as a DuckDB relation, which reads when its rows are fetched.

        Raises:
            StoreError: the database refused; the message says why.
        """
        # The package adds the relational API to the compiled module's connections.
        import duckdb  # noqa: F401

        with explained(self.place):
            return self._root.cursor().sql(sql)

    @contextmanager
    def snapshot(self) -> Iterator[DuckDBPyConnection]:
        """Transaction for reading that sees one state of the database throughout.

        Nothing waits for it. It may make temporary tables; nothing it writes is kept.
        """
        with explained(self.place):
            cursor = self._root.cursor()
            try:
                cursor.execute("BEGIN")
                yield cursor
            finally:
                cursor.close()

    @contextmanager
    def transaction(self) -> Iterator[DuckDBPyConnection]:
        """Transaction whose statements are committed together, or not at all.

        A second thread waits for the first to finish, so keep it short.
        """
        self._require_writable()
        with self._writing, explained(self.place):
            cursor = self._root.cursor()
            try:
                cursor.execute("BEGIN")
                try:
                    yield cursor
                except BaseException:
                    _roll_back(cursor)
                    raise
                cursor.execute("COMMIT")
            finally:
                cursor.close()

    @contextmanager
    def exclusive(self, table: str) -> Iterator[DuckDBPyConnection]:
        """Transaction that holds an exclusive lock on ``table``, against every other machine.

        It sees what the transactions before it have written.
        """
        with self.transaction() as cursor:
            if self.shared:
                lock_table(cursor, table)
            yield cursor

    def write(self, sql: str, parameters: Sequence[object]) -> None:
        """Run one statement as a transaction of its own; on return it is on disk.

        For a statement that runs again and again, such as inserting a label: it is parsed once and
        planned without the optimizer, which has nothing to improve for a single row. That halves
        the time of the same statement in ``transaction``.

        If a team's server is unreachable, the statement is tried once more. So it must insert a
        row under an id made here: running it twice then has no effect.

        Raises:
            StoreConflictError: a team's server already has a row with that id.
            StoreError: the database refused; nothing was written.
        """
        from core.store.engine import engine

        self._require_writable()
        with self._writing, explained(self.place):
            try:
                self._write_once(sql, parameters)
            except engine.Error as error:
                if not (self.shared and is_lost(str(error))):
                    raise
                self._write_once(sql, parameters)

    def _write_once(self, sql: str, parameters: Sequence[object]) -> None:
        if self._single is None:
            self._single = self._root.cursor()
            self._single.execute("PRAGMA disable_optimizer")
        statement = self._parsed.get(sql)
        if statement is None:
            (statement,) = self._single.extract_statements(sql)
            self._parsed[sql] = statement
        self._single.execute(statement, list(parameters))

    def now(self) -> datetime:
        """Return the time in UTC by the clock of a team's server, else by this machine's.

        Raises:
            StoreError: the server does not answer.
        """
        if not self.shared:
            return utc_now()
        with explained(self.place):
            cursor = self._root.cursor()
            try:
                return server_time(cursor)
            finally:
                cursor.close()

    @property
    def journal(self) -> LabelJournal:
        """The second copy of the label events made here; a team's store has its own file."""
        if self._journal is None:
            name = self._team_name() if self.shared else ""
            self._journal = LabelJournal(self.folder, name)
        return self._journal

    def _team_name(self) -> str:
        rows = self.read("SELECT value FROM db.store_settings WHERE name = 'store'")
        return str(rows[0][0])[:13] if rows else "unnamed"

    @contextmanager
    def attached(self, file: Path) -> Iterator[DuckDBPyConnection]:
        """Give a cursor that can read another database file in this folder, as ``other``.

        Raises:
            StoreError: that file is damaged or cannot be read.
        """
        with explained(file):
            cursor = self._root.cursor()
            try:
                cursor.execute(f"ATTACH {literal(str(file.resolve()))} AS other (READ_ONLY)")
                try:
                    yield cursor
                finally:
                    cursor.execute("DETACH other")
            finally:
                cursor.close()

    def back_up(self) -> Path:
        """Write a dated backup, keep the newest few, and return the file.

        Safe in any thread while others read and write: the backup is of one moment.

        Raises:
            StoreError: the disk is full or cannot be written; no backup was lost.
        """
        self._require_writable()
        with self._backing_up, explained(self.folder):
            self._backup_cursor = self._root.cursor()
            try:
                return write_backup(self._backup_cursor, self.folder, "dated")
            finally:
                self._backup_cursor.close()
                self._backup_cursor = None

    def back_up_if_due(self) -> Path | None:
        """Back up if the newest backup is a day old, 250 label events behind, or missing.

        A team's server is backed up by whoever runs it.
        """
        if self.shared or self.read_only_copy is not None:
            return None
        newest = next(iter(backups(self.folder)), None)
        if newest is not None and not is_old(newest, utc_now()):
            ((events,),) = self.read(
                "SELECT count(*) FROM db.label_events WHERE happened > $1", [newest.made]
            )
            if events < LABELS_BETWEEN:
                return None
        return self.back_up()

    def interrupt(self) -> None:
        """Stop the running query, so that ``close`` need not wait for it."""
        self._root.interrupt()
        copying = self._backup_cursor
        if copying is not None:
            copying.interrupt()

    def close(self) -> None:
        """Close the database and release its lock. Closing twice is harmless."""
        if self._single is not None:
            self._single.close()
        self._root.close()
        if self.read_only_copy is not None:
            self.read_only_copy.remove()

    def _require_writable(self) -> None:
        if self.read_only_copy is not None:
            raise StoreLockedError(
                f"this is a read-only copy; {self.read_only_copy.holder}",
                where=str(self.folder.parent.parent),
                todo="Close that rejudge, or wait until its command has finished, then try again.",
            )


def _roll_back(cursor: DuckDBPyConnection) -> None:
    """Roll back, unless the connection is lost: then the server has done it itself."""
    from core.store.engine import engine

    with suppress(engine.Error):
        cursor.execute("ROLLBACK")
