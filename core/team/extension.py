"""DuckDB's postgres extension: found, loaded, or installed when somebody asks for it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.errors import UnavailableError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

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
    from core.engine import engine

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
    from core.engine import engine

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
