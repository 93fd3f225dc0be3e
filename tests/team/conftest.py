"""A server that may be killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core.store.server import set_up
from tests.team.postgres_server import PostgresServer, why_not

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def safe_server() -> Iterator[PostgresServer]:
    """Give a server that keeps its promises when it is killed; its database ``team`` is empty."""
    missing = why_not()
    if missing:
        pytest.skip(missing)
    server = PostgresServer(safe=True)
    try:
        server.sql("CREATE DATABASE team")
        set_up(server.url("team"))
        yield server
    finally:
        server.close()
