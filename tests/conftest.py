"""What holds for every test."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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

#: With this set to "postgres" every store that a test opens is a database of a PostgreSQL server.
BACKEND = os.environ.get("REJUDGE_TEST_STORE", "file")
if BACKEND != "file":
    # The file's run has all examples; each costs a trip to the server for every statement.
    settings.register_profile("team", parent=settings.get_profile("rejudge"), max_examples=20)
    settings.load_profile("team")


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


@pytest.fixture(autouse=True)
def chosen_backend(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Open stores on the backend that was asked for, each folder's in a database of its own."""
    by_itself = map(request.node.get_closest_marker, ("own_file", "both_stores"))
    if BACKEND != "postgres" or any(by_itself):
        yield
        return
    from core.store import Store

    server: PostgresServer = request.getfixturevalue("postgres")
    opened: dict[Path, str] = {}
    open_file = Store.open

    def open_there(folder: Path, *, url: str = "", **more: Any) -> Store:
        if not url and folder not in opened:
            opened[folder] = server.lend()
        return open_file(folder, url=url or server.url(opened[folder]), **more)

    monkeypatch.setattr(Store, "open", open_there)
    yield
    for database in opened.values():
        server.take_back(database)
