"""Opening a store: attach its database, migrate it, restore events from the journal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.errors import StoreDamagedError, StoreError
from core.store.backups import backups, write_backup
from core.store.database import DATABASE_NAME, Store
from core.store.errors import explained
from core.store.events import restore_from_journal
from core.store.journal import JOURNAL_NAME
from core.store.migrations import migrate
from core.store.server import attach_server, require_schema
from core.store.server_url import server_url
from core.store.sql import attach_file, literal
from core.workspace import fits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb import DuckDBPyConnection

    from core.store.server_url import ServerUrl
    from core.workspace import Workspace


_VIEWS: Final = Path(__file__).with_name("views.sql")


def open_workspace_store(workspace: Workspace, *, allowed_files: Sequence[Path] = ()) -> Store:
    """Open the store that a workspace is set to: its own database file, or its team's store.

    Raises:
        WorkspaceError: the settings cannot be read.
        RejudgeError: as ``open_store``.
    """
    return open_store(workspace.folder, url=workspace.store_url(), allowed_files=allowed_files)


def open_store(folder: Path, *, url: str = "", allowed_files: Sequence[Path] = ()) -> Store:
    """Open the database in ``folder``, create it if it is absent, and migrate it.

    Args:
        folder: the ``.rejudge`` folder; it exists.
        url: of a team's store to open instead: ``postgres:host=... dbname=...``. Such a store is
            created and migrated by ``core.store.server.set_up`` only.
        allowed_files: files outside ``folder`` that SQL may read or write (an import, an export).
            DuckDB can access no other file once the store is open.

    Raises:
        StoreLockedError: another process has the database open.
        StoreUnreachableError: the team's server does not answer.
        StoreError: the file is damaged, newer than this program, or cannot be written.
        InputError: the url cannot be read.
        UnavailableError: DuckDB's extension for PostgreSQL is not installed.
    """
    return _open(folder, server_url(url) if url else None, allowed_files)


def _open(folder: Path, server: ServerUrl | None, allowed_files: Sequence[Path]) -> Store:
    from core.store.engine import engine

    place = server.shown if server else str(folder / DATABASE_NAME)
    with explained(place):
        root = engine.connect()
    try:
        with explained(place):
            _configure(root, folder)
            _attach(root, folder, server)
            _restrict_files(root, folder, allowed_files)
            if server:
                require_schema(root, place)
            else:
                _migrate(root, folder)
            root.execute(_VIEWS.read_text("utf-8"))
            store = Store(root, folder, place, shared=server is not None)
            restore_from_journal(store)
    except BaseException:
        root.close()
        raise
    return store


def _configure(root: DuckDBPyConnection, folder: Path) -> None:
    root.execute("SET autoinstall_known_extensions = false")
    root.execute("SET TimeZone = 'UTC'")
    root.execute(f"SET temp_directory = {literal(str(folder.resolve() / 'spill'))}")


def _attach(root: DuckDBPyConnection, folder: Path, server: ServerUrl | None) -> None:
    if server:
        attach_server(root, server)
    else:
        _attach_file(root, folder / DATABASE_NAME)


def _attach_file(root: DuckDBPyConnection, path: Path) -> None:
    if path.is_dir():
        raise StoreError(
            "the database is a folder",
            where=str(path),
            todo="Move that folder away, then try again.",
        )
    if not fits(path):
        raise StoreError(
            "DuckDB cannot open a database whose path has a question mark, a backslash or bytes"
            " that are not UTF-8",
            where=str(path),
            todo="Rename that folder, or use another one with --workspace DIR.",
        )
    fresh = not path.exists() or path.stat().st_size == 0
    if fresh:
        _refuse_to_start_over(path)
        path.unlink(missing_ok=True)
    attach_file(root, path, "db")
    if fresh:
        path.chmod(0o600)


def _refuse_to_start_over(path: Path) -> None:
    """Raise if there was a database here: an empty one must not silently take its place."""
    journal = path.with_name(JOURNAL_NAME)
    if backups(path.parent) or (journal.exists() and journal.stat().st_size):
        raise StoreDamagedError(
            f"the database file is {'empty' if path.exists() else 'missing'}, but this workspace"
            " has data",
            where=str(path),
            todo="Restore it with: rejudge doctor --restore"
            "   (to start over, move the .rejudge folder away)",
        )


def _migrate(root: DuckDBPyConnection, folder: Path) -> None:
    def keep(version: int) -> None:
        cursor = root.cursor()
        try:
            write_backup(cursor, folder, f"schema-{version:04d}")
        finally:
            cursor.close()

    migrate(root, str(folder / DATABASE_NAME), keep)


def _restrict_files(root: DuckDBPyConnection, folder: Path, allowed_files: Sequence[Path]) -> None:
    """Let SQL access the folder and the named files, and nothing else."""
    allowed = ", ".join(literal(str(file.resolve())) for file in allowed_files if fits(file))
    root.execute(f"SET allowed_paths = [{allowed}]")
    root.execute(f"SET allowed_directories = [{literal(str(folder.resolve()) + '/')}]")
    root.execute("SET enable_external_access = false")
