"""One visitor's process, from the first paint until it has ended."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from aiohttp import web
    from textual_serve.app_service import AppService
    from textual_serve.server import Server

#: Seconds that an app which was told to quit has for it.
_PATIENCE: Final = 10.0


async def show_visit(request: web.Request, server: Server) -> web.StreamResponse:
    """Show the server's command over the request's websocket until one of the two leaves.

    textual-serve's own handler leaves the process unwaited for: one that hangs would stay.
    """
    from aiohttp import web
    from textual_serve.app_service import AppService

    websocket = web.WebSocketResponse(heartbeat=15)
    await websocket.prepare(request)

    async def close() -> None:
        await websocket.close()

    service = AppService(
        server.command,
        write_bytes=websocket.send_bytes,
        write_str=websocket.send_str,
        close=close,
        download_manager=server.download_manager,
    )
    await service.start(_size(request, "width", 80), _size(request, "height", 24))
    process = service._process  # noqa: SLF001 - it is nowhere else
    try:
        await server._process_messages(websocket, service)  # noqa: SLF001 - no public way in
    finally:
        await _end(service, process)
    return websocket


async def _end(service: AppService, process: asyncio.subprocess.Process | None) -> None:
    with suppress(TimeoutError, ConnectionError):
        await asyncio.wait_for(service.stop(), _PATIENCE)
    if process is None:
        return
    try:
        await asyncio.wait_for(process.wait(), _PATIENCE)
    except TimeoutError:
        process.kill()
        await process.wait()


def _size(request: web.Request, name: str, otherwise: int) -> int:
    given = request.query.get(name, "")
    return max(1, min(1000, int(given))) if given.isascii() and given.isdigit() else otherwise
