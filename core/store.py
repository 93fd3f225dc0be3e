"""The store: one DuckDB database, one owner, opened once and shared by cursors.

The process keeps an in-memory root and attaches the data to it as ``db``; views live in the root.
Every read and every transaction takes its own cursor, because a DuckDB connection must not be
shared between threads. Writers take turns.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from core.errors import StoreError
from core.label_events import restore_from_journal
from core.migrations import migrate
from core.store_errors import explained

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from duckdb import DuckDBPyConnection, Statement

    #: A row as DuckDB hands it over; the function that reads a table gives it types.
    Row = tuple[Any, ...]

DATABASE_NAME: Final = "rejudge.duckdb"
STORAGE_VERSION: Final = "v1.5.0"
BACKUPS_KEPT: Final = 5
VIEWS: Final = Path(__file__).with_name("views.sql")


def utc_now() -> datetime:
    """Return the time in UTC without a zone, as the store keeps it."""
    return datetime.now(UTC).replace(tzinfo=None)


class Store:
    """An open database. Use as a context manager, or call ``close``."""

    def __init__(self, root: DuckDBPyConnection, folder: Path) -> None:
        self._root = root
        self._writing = threading.RLock()
        self._single: DuckDBPyConnection | None = None
        self._parsed: dict[str, Statement] = {}
        self.folder = folder

    @classmethod
    def open(cls, folder: Path, *, allowed_files: Sequence[Path] = ()) -> Self:
        """Open the database in ``folder``, make it if it is absent, and migrate it.

        Args:
            folder: the ``.rejudge`` folder; it exists.
            allowed_files: files outside ``folder`` that SQL may read or write (an import, an
                export). DuckDB reaches no other file once the store is open.

        Raises:
            StoreLockedError: another process has the database open.
            StoreError: the file is damaged, newer than this program, or cannot be written.
        """
        from core.engine import engine

        path = folder / DATABASE_NAME
        with explained(path):
            root = engine.connect()
        try:
            with explained(path):
                _attach(root, path, allowed_files)
                store = cls(root, folder)
                migrate(root, str(path), store._back_up)
                root.execute(VIEWS.read_text("utf-8"))
                restore_from_journal(store)
        except BaseException:
            root.close()
            raise
        return store

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
        with explained(self.folder / DATABASE_NAME):
            cursor = self._root.cursor()
            try:
                return cursor.execute(sql, list(parameters)).fetchall()
            finally:
                cursor.close()

    @contextmanager
    def snapshot(self) -> Iterator[DuckDBPyConnection]:
        """Give a cursor that sees one state of the database, whatever is written meanwhile.

        For a job of several statements that must agree. Nothing waits for it. It may make
        temporary tables, which are gone afterwards; nothing else of it is kept.
        """
        with explained(self.folder / DATABASE_NAME):
            cursor = self._root.cursor()
            try:
                cursor.execute("BEGIN")
                yield cursor
            finally:
                cursor.close()

    @contextmanager
    def transaction(self) -> Iterator[DuckDBPyConnection]:
        """Give a cursor whose statements are committed together, or not at all.

        One transaction at a time: a second thread waits. Keep it short.
        """
        with self._writing, explained(self.folder / DATABASE_NAME):
            cursor = self._root.cursor()
            try:
                cursor.execute("BEGIN")
                try:
                    yield cursor
                except BaseException:
                    cursor.execute("ROLLBACK")
                    raise
                cursor.execute("COMMIT")
            finally:
                cursor.close()

    def write(self, sql: str, parameters: Sequence[object]) -> None:
        """Run one statement that is a transaction of its own; on return it is on disk.

        For what is written again and again, such as one label: the statement is parsed once and
        planned without the optimizer, which has nothing to improve in a single row. That halves
        the time of the same statement in ``transaction``.

        Raises:
            StoreError: the database refused; nothing was written.
        """
        with self._writing, explained(self.folder / DATABASE_NAME):
            if self._single is None:
                self._single = self._root.cursor()
                self._single.execute("PRAGMA disable_optimizer")
            statement = self._parsed.get(sql)
            if statement is None:
                (statement,) = self._single.extract_statements(sql)
                self._parsed[sql] = statement
            self._single.execute(statement, list(parameters))

    def interrupt(self) -> None:
        """Stop whatever query is running, so that ``close`` need not wait for it."""
        self._root.interrupt()

    def close(self) -> None:
        """Detach the file and give up its lock. Closing twice is harmless."""
        if self._single is not None:
            self._single.close()
        self._root.close()

    def _back_up(self, version: int) -> None:
        """Copy the whole database under ``backups`` before a migration; keep the newest few."""
        backups = self.folder / "backups"
        backups.mkdir(exist_ok=True)
        stamp = utc_now().strftime("%Y%m%dT%H%M%S")
        path = backups / f"schema-{version:04d}-{stamp}.duckdb"
        unfinished = path.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        self._root.execute(f"ATTACH {literal(str(unfinished))} AS backup")
        self._root.execute("COPY FROM DATABASE db TO backup")
        self._root.execute("DETACH backup")
        unfinished.rename(path)
        for old in sorted(backups.glob("schema-*.duckdb"))[:-BACKUPS_KEPT]:
            old.unlink()


def literal(text: str) -> str:
    """Return ``text`` as an SQL string literal, for the statements that take no parameters."""
    return "'" + text.replace("'", "''") + "'"


def _attach(root: DuckDBPyConnection, path: Path, allowed_files: Sequence[Path]) -> None:
    if path.is_dir():
        raise StoreError(
            "the database is a folder",
            where=str(path),
            todo="Move that folder away, then try again.",
        )
    fresh = not path.exists() or path.stat().st_size == 0
    if fresh:
        path.unlink(missing_ok=True)
    spill = path.parent / "spill"
    root.execute("SET autoinstall_known_extensions = false")
    root.execute("SET TimeZone = 'UTC'")
    root.execute(f"SET temp_directory = {literal(str(spill))}")
    root.execute(f"ATTACH {literal(str(path))} AS db (STORAGE_VERSION '{STORAGE_VERSION}')")
    if fresh:
        path.chmod(0o600)
    allowed = ", ".join(literal(str(file.resolve())) for file in allowed_files)
    root.execute(f"SET allowed_paths = [{allowed}]")
    root.execute(f"SET allowed_directories = [{literal(str(path.parent.resolve()) + '/')}]")
    root.execute("SET enable_external_access = false")
