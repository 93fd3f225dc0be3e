"""What holds for every test."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from core.store.database import Store
    from core.store.server_url import ServerUrl
    from tests.team.postgres_server import PostgresServer

# A shell that starts the tests in the background has them ignore interrupts, and a program that
# they start inherits that; some tests interrupt one.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Speed is measured by benchmarks, never by tests: a busy machine must not fail one. In CI the
# same examples come each time; elsewhere they are new ones.
settings.register_profile(
    "rejudge",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("rejudge")
if "REJUDGE_FEW_EXAMPLES" in os.environ:
    # While somebody waits: `make check`.
    settings.register_profile("few", parent=settings.get_profile("rejudge"), max_examples=20)
    settings.load_profile("few")

#: With this set to "postgres" every store that a test opens is a database of a PostgreSQL server.
BACKEND = os.environ.get("REJUDGE_TEST_STORE", "file")
if BACKEND != "file":
    # The file's run has all examples; each costs a trip to the server for every statement.
    settings.register_profile("team", parent=settings.get_profile("rejudge"), max_examples=20)
    settings.load_profile("team")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Run two more processes than there are cores: half of a screen's test is waiting."""
    return (os.cpu_count() or 1) + 2


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is about the database file when there is none.

    Of a test with many cases one is enough there: the file's run has them all, in the same SQL.
    """
    if BACKEND == "file":
        return
    kept: dict[str, pytest.Item] = {}
    left: list[pytest.Item] = []
    for item in items:
        name = item.nodeid.partition("[")[0]
        if item.get_closest_marker("own_file") or name in kept:
            left.append(item)
        else:
            kept[name] = item
    items[:] = kept.values()
    config.hook.pytest_deselected(items=left)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Give a PostgreSQL server whose database ``team`` has the tables and no rows."""
    from tests.team.postgres_server import PostgresServer, why_not

    missing = why_not()
    if missing:
        pytest.skip(missing)
    server = PostgresServer()
    try:
        server.make_team()
        yield server
    finally:
        server.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Give the empty store of a new workspace."""
    from core.store.opening import open_store
    from tests.building import new_workspace

    with open_store(new_workspace(tmp_path).folder) as opened:
        yield opened


#: A first open of a folder is what these tests are about.
STORE_TESTS = Path(__file__).parent / "core" / "store"


@pytest.fixture(autouse=True)
def chosen_backend(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Open stores on the chosen backend.

    On ``file``, a new folder gets a copy of a database made before: to make one takes longer than
    most tests. On ``postgres``, each folder gets a database of its own.
    """
    if any(map(request.node.get_closest_marker, ("own_file", "both_stores"))):
        yield
    elif BACKEND == "file":
        if STORE_TESTS not in request.path.parents:
            copy_new_databases(monkeypatch)
        yield
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        with databases_on_server(server, monkeypatch):
            yield


def copy_new_databases(monkeypatch: pytest.MonkeyPatch) -> None:
    from core.store import opening

    really_open = opening._open

    def open_copy(folder: Path, server: ServerUrl | None, files: Sequence[Path]) -> Store:
        if server is None and is_new(folder):
            database = folder / "rejudge.duckdb"
            database.write_bytes(made_database(really_open))
            database.chmod(0o600)
        return really_open(folder, server, files)

    monkeypatch.setattr(opening, "_open", open_copy)


@cache
def made_database(really_open: Callable[..., Store]) -> bytes:
    """Return the database file of a new store."""
    with TemporaryDirectory() as folder:
        really_open(Path(folder), None, ()).close()
        return (Path(folder) / "rejudge.duckdb").read_bytes()


def is_new(folder: Path) -> bool:
    """Return whether a store that is opened in this folder begins empty."""
    return folder.is_dir() and not any(
        (folder / name).exists() for name in ("rejudge.duckdb", "labels.jsonl", "backups")
    )


@contextmanager
def databases_on_server(server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from core.store import opening
    from core.store.server_url import server_url

    really_open = opening._open
    lent: dict[Path, str] = {}

    def open_there(folder: Path, url: ServerUrl | None, files: Sequence[Path]) -> Store:
        if url is None and folder not in lent:
            lent[folder] = server.lend()
        return really_open(folder, url or server_url(server.url(lent[folder])), files)

    monkeypatch.setattr(opening, "_open", open_there)
    yield
    for database in lent.values():
        server.take_back(database)
