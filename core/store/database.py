"""The store: one database, opened once and shared by cursors.

The process keeps an in-memory root and attaches the data to it as ``db``: a DuckDB file that it
owns alone, or a PostgreSQL database that a team shares; views live in the root.
Every read and every transaction takes its own cursor, because a DuckDB connection must not be
shared between threads. Writers take turns.

The problems of one import: the first few for the screen, all of them in a file.
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from core.errors import StoreDamagedError, StoreError, StoreLockedError
from core.ids import utc_now
from core.store.backups import LABELS_BETWEEN, backups, is_old, write_backup
from core.store.errors import explained, is_lost
from core.store.events import restore_from_journal
from core.store.journal import JOURNAL_NAME, LabelJournal
from core.store.migrations import migrate
from core.store.server import attach_server, lock_there, require_schema, time_there
from core.store.server_url import server_url
from core.store.tables import literal
from core.workspace import fits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from typing import TextIO

    from duckdb import DuckDBPyConnection, DuckDBPyRelation, Statement

    from core.records import Problem
    from core.store.read_only import ReadOnlyCopy
    from core.store.tables import Row
    from core.workspace import Workspace


SHOWN_LIMIT: Final = 100


class ProblemLog:
    """Collects problems in bounded memory. Use as a context manager.

    Args:
        file: written, one JSON object a line, only when there are more than ``SHOWN_LIMIT``
            problems; whatever lay there before is replaced.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._opened: TextIO | None = None
        self._shown: list[Problem] = []
        self.total = 0

    def add(self, problem: Problem) -> None:
        """Record a problem."""
        self.total += 1
        if len(self._shown) < SHOWN_LIMIT:
            self._shown.append(problem)
            return
        if self._opened is None:
            self._opened = self._file.open("w", encoding="utf-8", errors="backslashreplace")
            for earlier in self._shown:
                self._write(earlier, self._opened)
        self._write(problem, self._opened)

    @property
    def shown(self) -> tuple[Problem, ...]:
        """The first ``SHOWN_LIMIT`` problems."""
        return tuple(self._shown)

    @property
    def report_file(self) -> str:
        """Where all problems are listed; empty when ``shown`` has them all."""
        return str(self._file) if self.total > SHOWN_LIMIT else ""

    def __enter__(self) -> Self:
        """Return the log itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        if self._opened is not None:
            self._opened.close()

    @staticmethod
    def _write(problem: Problem, file: TextIO) -> None:
        values = {"file": problem.file, "line": problem.line, "reason": problem.reason}
        file.write(json.dumps(values, ensure_ascii=False) + "\n")


DATABASE_NAME: Final = "rejudge.duckdb"
STORAGE_VERSION: Final = "v1.5.0"
VIEWS: Final = Path(__file__).with_name("views.sql")


class Store:
    """An open database. Use as a context manager, or call ``close``.

    Attributes:
        folder: the ``.rejudge`` folder, for the files that stay on this machine.
        place: the database's file or url, for messages.
        shared: whether it is a team's, which others write to at the same time.
        read_only_copy: set when this is a read-only copy, because another process has the original.
    """

    def __init__(
        self, root: DuckDBPyConnection, folder: Path, place: str = "", *, shared: bool = False
    ) -> None:
        self._root = root
        self._writing = threading.RLock()
        self._single: DuckDBPyConnection | None = None
        self._parsed: dict[str, Statement] = {}
        self._journal: LabelJournal | None = None
        self._backing_up = threading.Lock()
        self._backup_cursor: DuckDBPyConnection | None = None
        self.folder = folder
        self.place = place or str(folder / DATABASE_NAME)
        self.shared = shared
        self.read_only_copy: ReadOnlyCopy | None = None

    @classmethod
    def of(cls, workspace: Workspace, *, allowed_files: Sequence[Path] = ()) -> Self:
        """Open the store that a workspace is set to: its own file, or its team's.

        Raises:
            RejudgeError: as ``open`` does, or the settings cannot be read.
        """
        return cls.open(workspace.folder, url=workspace.store_url(), allowed_files=allowed_files)

    @classmethod
    def open(cls, folder: Path, *, url: str = "", allowed_files: Sequence[Path] = ()) -> Self:
        """Open the database in ``folder``, make it if it is absent, and migrate it.

        Args:
            folder: the ``.rejudge`` folder; it exists.
            url: a team's store instead: ``postgres:host=... dbname=...``. It is never made or
                migrated here, see ``core.store.moving``.
            allowed_files: files outside ``folder`` that SQL may read or write (an import, an
                export). DuckDB reaches no other file once the store is open.

        Raises:
            StoreLockedError: another process has the database open.
            StoreUnreachableError: the team's server does not answer.
            StoreError: the file is damaged, newer than this program, or cannot be written.
            InputError, UnavailableError: the url, or the extension for it, cannot be used.
        """
        from core.store.engine import engine

        server = server_url(url) if url else None
        path = folder / DATABASE_NAME
        place = server.shown if server else str(path)
        with explained(place):
            root = engine.connect()
        try:
            with explained(place):
                _settle(root, folder)
                if server:
                    attach_server(root, server)
                else:
                    _attach(root, path)
                _fence(root, folder, allowed_files)
                store = cls(root, folder, place, shared=server is not None)
                if server:
                    require_schema(root, place)
                else:
                    migrate(root, place, store._back_up)
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
        with explained(self.place):
            cursor = self._root.cursor()
            try:
                return cursor.execute(sql, list(parameters)).fetchall()
            finally:
                cursor.close()

    def relation(self, sql: str) -> DuckDBPyRelation:
        """Return a query as a DuckDB relation, which reads when it is asked to.

        Raises:
            StoreError: the database refused; the message says why.
        """
        # The package adds the relational API to the compiled module's connections.
        import duckdb  # noqa: F401

        with explained(self.place):
            return self._root.cursor().sql(sql)

    @contextmanager
    def snapshot(self) -> Iterator[DuckDBPyConnection]:
        """Give a cursor that sees one state of the database, whatever is written meanwhile.

        For a job of several statements that must agree. Nothing waits for it. It may make
        temporary tables, which are gone afterwards; nothing else of it is kept.
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
        """Give a cursor whose statements are committed together, or not at all.

        One transaction at a time: a second thread waits. Keep it short.
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
        """Give a transaction that nobody else, on any machine, writes to ``table`` beside.

        What it reads is as it stands once the others are done.
        """
        with self.transaction() as cursor:
            if self.shared:
                lock_there(cursor, table)
            yield cursor

    def write(self, sql: str, parameters: Sequence[object]) -> None:
        """Run one statement that is a transaction of its own; on return it is on disk.

        For what is written again and again, such as one label: the statement is parsed once and
        planned without the optimizer, which has nothing to improve in a single row. That halves
        the time of the same statement in ``transaction``.

        A team's server that was away for a moment is asked once more. The statement has to insert
        a row under an id made here, so that it cannot count twice.

        Raises:
            StoreConflictError: a team's server has a row of that id already.
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
        """Return the time in UTC by the store's own clock: a team's server's, else this machine's.

        Raises:
            StoreError: the server does not answer.
        """
        if not self.shared:
            return utc_now()
        with explained(self.place):
            cursor = self._root.cursor()
            try:
                return time_there(cursor)
            finally:
                cursor.close()

    @property
    def journal(self) -> LabelJournal:
        """The second copy of what people did here, kept apart for each team's store."""
        if self._journal is None:
            name = self._team_name() if self.shared else ""
            self._journal = LabelJournal(self.folder, name)
        return self._journal

    def _team_name(self) -> str:
        rows = self.read("SELECT value FROM db.store_settings WHERE name = 'store'")
        return str(rows[0][0])[:13] if rows else "unnamed"

    @contextmanager
    def attached(self, file: Path) -> Iterator[DuckDBPyConnection]:
        """Give a cursor that sees another database of this folder as ``other``, to read from it.

        Raises:
            StoreError: the other one is damaged, or cannot be read.
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
        """Write a dated copy of the database, keep the newest few, and return its place.

        It may run in any thread while others read and write; the copy is of one moment.

        Raises:
            StoreError: the disk is full or cannot be written; no backup was lost.
        """
        self._require_writable()
        return self._write_backup("dated")

    def back_up_if_due(self) -> Path | None:
        """Back up when the newest backup is a day old, or 250 label events behind, or absent.

        A team's server keeps its own.
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
        """Stop whatever query is running, so that ``close`` need not wait for it."""
        self._root.interrupt()
        copying = self._backup_cursor
        if copying is not None:
            copying.interrupt()

    def close(self) -> None:
        """Detach the file and give up its lock. Closing twice is harmless."""
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

    def _back_up(self, version: int) -> None:
        """Keep the database as it is before its schema leaves this version."""
        self._write_backup(f"schema-{version:04d}")

    def _write_backup(self, kind: str) -> Path:
        with self._backing_up, explained(self.folder):
            self._backup_cursor = self._root.cursor()
            try:
                return write_backup(self._backup_cursor, self.folder, kind)
            finally:
                self._backup_cursor.close()
                self._backup_cursor = None


def _roll_back(cursor: DuckDBPyConnection) -> None:
    """Undo what the transaction did, if there is still one: a lost server has undone it itself."""
    from core.store.engine import engine

    with suppress(engine.Error):
        cursor.execute("ROLLBACK")


def _settle(root: DuckDBPyConnection, folder: Path) -> None:
    root.execute("SET autoinstall_known_extensions = false")
    root.execute("SET TimeZone = 'UTC'")
    root.execute(f"SET temp_directory = {literal(str(folder.resolve() / 'spill'))}")


def _refuse_to_begin_anew(path: Path) -> None:
    """Raise when there was a database here: an empty one must not take its place unasked."""
    journal = path.with_name(JOURNAL_NAME)
    if backups(path.parent) or (journal.exists() and journal.stat().st_size):
        raise StoreDamagedError(
            f"the database file is {'empty' if path.exists() else 'gone'}, but it was not always",
            where=str(path),
            todo="Bring it back with: rejudge doctor --restore"
            "   (to begin anew, move the .rejudge folder away)",
        )


def _attach(root: DuckDBPyConnection, path: Path) -> None:
    if path.is_dir():
        raise StoreError(
            "the database is a folder",
            where=str(path),
            todo="Move that folder away, then try again.",
        )
    if not fits(path):
        raise StoreError(
            "DuckDB opens no database whose path holds a question mark, a backslash or other bytes"
            " than UTF-8",
            where=str(path),
            todo="Rename that folder, or use another one with --workspace DIR.",
        )
    fresh = not path.exists() or path.stat().st_size == 0
    if fresh:
        _refuse_to_begin_anew(path)
        path.unlink(missing_ok=True)
    root.execute(
        f"ATTACH {literal(str(path.resolve()))} AS db (STORAGE_VERSION '{STORAGE_VERSION}')"
    )
    if fresh:
        path.chmod(0o600)


def _fence(root: DuckDBPyConnection, folder: Path, allowed_files: Sequence[Path]) -> None:
    """Let SQL reach the folder and the files that were named, and no others."""
    allowed = ", ".join(literal(str(file.resolve())) for file in allowed_files if fits(file))
    root.execute(f"SET allowed_paths = [{allowed}]")
    root.execute(f"SET allowed_directories = [{literal(str(folder.resolve()) + '/')}]")
    root.execute("SET enable_external_access = false")
