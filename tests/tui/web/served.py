"""The web application on a free port of loopback."""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tui.web import server as web_app
from tui.web.access import Entrance, find_address

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from core.workspace import Workspace


@asynccontextmanager
async def served(
    workspace: Workspace, token: str = "", *, asks_name: bool = False
) -> AsyncIterator[tuple[Any, str]]:
    """Serve on a free port; give a client with a cookie jar, and the origin of the server."""
    pytest.importorskip("textual_serve", reason="textual-serve is not installed (extra: serve)")
    from aiohttp import ClientSession, CookieJar, web

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = find_address("127.0.0.1", port, "", token)
    app = await web_app.make_web_app(workspace, address, Entrance(token, asks_name))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as client:
            yield client, address.url
    finally:
        await runner.cleanup()
