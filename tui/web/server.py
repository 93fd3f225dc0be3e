"""The app in a browser: textual-serve with access control, and a process for every visitor.

textual-serve checks neither ``Host`` nor ``Origin``, and asks nobody who they are.
"""

from __future__ import annotations

import asyncio
import logging
import shlex
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from core.errors import InputError, UnavailableError
from core.processes import module_command
from core.workspace import ANNOTATOR_VARIABLE
from tui.web.access import is_loopback, is_own_page
from tui.web.pages import KEYS_PATH, KEYS_SCRIPT, app_page, content_policy, entrance_page

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import ModuleType

    from aiohttp import web
    from textual_serve.app_service import AppService
    from textual_serve.server import Server

    from core.workspace import Workspace
    from tui.web.access import Address, Entrance

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_MOST_VISITORS: Final = 64
_COOKIE: Final = "rejudge"
_TITLE: Final = "rejudge"
_HEADERS: Final = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
#: Seconds that an app has to quit before it is killed.
_PATIENCE: Final = 10.0


def serve(workspace: Workspace, address: Address, entrance: Entrance) -> None:
    """Serve until Ctrl-C. Nothing that a visitor sends is logged.

    Raises:
        UnavailableError: textual-serve is not installed.
        InputError: the address cannot be listened on.
    """
    aiohttp, _ = _textual_serve()
    logging.basicConfig(level=logging.WARNING)
    try:
        aiohttp.run_app(
            make_web_app(workspace, address, entrance),
            host=address.host,
            port=address.port,
            access_log=None,
            print=None,
        )
    except OSError as error:
        raise InputError(
            f"cannot listen on {address.host} port {address.port}: {error.strerror}",
            todo="Choose another port with --port.",
        ) from error


async def make_web_app(
    workspace: Workspace, address: Address, entrance: Entrance
) -> web.Application:
    """Return the web application, with access control.

    Raises:
        UnavailableError: textual-serve is not installed.
    """
    aiohttp, server_class = _textual_serve()
    server = server_class("", address.host, address.port, _TITLE, address.url)
    app: web.Application = await server._make_app()  # noqa: SLF001 - the public method serves without checks
    app.on_startup.clear()  # it prints a banner
    control = _AccessControl(workspace, address, entrance, server)

    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await control.guard(request, handler)

    app.middlewares.append(aiohttp.middleware(guard))
    app.router.add_post("/enter", control.enter)
    return app


class _AccessControl:
    """Checks every request before textual-serve sees it."""

    def __init__(
        self, workspace: Workspace, address: Address, entrance: Entrance, server: Server
    ) -> None:
        self._workspace = workspace
        self._address = address
        self._entrance = entrance
        self._server = server
        self._headers = _HEADERS | {"Content-Security-Policy": content_policy(address.url)}
        self._visitors = 0
        self._aiohttp, self._server_class = _textual_serve()

    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse requests of other pages; send unknown visitors to the entrance page."""
        aiohttp, address = self._aiohttp, self._address
        if request.host.lower() != address.authority:
            # Redirect other names of loopback; refuse a name that DNS rebinding points here.
            if request.path == "/" and is_loopback(_name_in(request.host)):
                raise aiohttp.HTTPFound(address.url)
            raise aiohttp.HTTPForbidden(text="not served under this name")
        if request.path == "/enter":
            return await handler(request)
        name = self._entrance.name_of(request.cookies.get(_COOKIE))
        if name is None:
            if request.path == "/":
                return self._page("")
            raise aiohttp.HTTPForbidden(text="enter first")
        if request.path == "/ws":
            return await self._show(request, name)
        if request.path == "/":
            # Not textual-serve's own page, which loads a font from another server.
            return self._text(app_page(address.url))
        if request.path == KEYS_PATH:
            return self._text(KEYS_SCRIPT, kind="text/javascript")
        response = await handler(request)
        if not response.prepared:
            response.headers.update(self._headers)
        return response

    async def enter(self, request: web.Request) -> web.StreamResponse:
        """Let a visitor in who knows the token and gives a name, where they are asked for."""
        aiohttp = self._aiohttp
        if not is_own_page(request.headers.get("Origin"), self._address):
            raise aiohttp.HTTPForbidden(text="not from a page of this server")
        given = await request.post()
        try:
            secret = self._entrance.enter(str(given.get("token", "")), str(given.get("name", "")))
        except InputError as error:
            return self._page(error.what, status=403)
        response = aiohttp.HTTPSeeOther(self._address.url)
        response.set_cookie(
            _COOKIE,
            secret,
            httponly=True,
            samesite="Strict",
            secure=self._address.url.startswith("https:"),
        )
        raise response

    async def _show(self, request: web.Request, name: str) -> web.StreamResponse:
        """Start a process for the visitor, and show it until either ends."""
        aiohttp = self._aiohttp
        if not is_own_page(request.headers.get("Origin"), self._address):
            raise aiohttp.HTTPForbidden(text="not from a page of this server")
        if self._visitors >= _MOST_VISITORS:
            raise aiohttp.HTTPServiceUnavailable(text=f"all {_MOST_VISITORS} places are taken")
        own = self._server_class(
            visitor_command(self._workspace, name),
            self._address.host,
            self._address.port,
            _TITLE,
            self._address.url,
        )
        own.download_manager = self._server.download_manager
        self._visitors += 1
        try:
            return await show_visit(request, own)
        finally:
            self._visitors -= 1

    def _page(self, reason: str, *, status: int = 200) -> web.StreamResponse:
        entrance = self._entrance
        text = entrance_page(
            asks_name=entrance.asks_name, asks_token=bool(entrance.token), reason=reason
        )
        return self._text(text, status=status)

    def _text(self, text: str, *, kind: str = "text/html", status: int = 200) -> web.StreamResponse:
        page: web.Response = self._aiohttp.Response(
            text=text, status=status, content_type=kind, headers=self._headers
        )
        return page


def visitor_command(workspace: Workspace, name: str) -> str:
    """Return the shell command of a visitor's process.

    Args:
        workspace: what it shows, with the store to use.
        name: who labels; empty: as the workspace says.
    """
    words = list(module_command("tui.cli.main"))
    words += ["--workspace", str(workspace.root)]
    if workspace.store:
        words += ["--store", workspace.store]
    who = f"{ANNOTATOR_VARIABLE}={shlex.quote(name)} " if name else ""
    return f"{who}exec {shlex.join(words)}"


async def show_visit(request: web.Request, server: Server) -> web.StreamResponse:
    """Show the server's command over the request's websocket until either ends.

    textual-serve's own handler does not wait for the process, so that one that hangs would stay.
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
    process = service._process  # noqa: SLF001 - there is no public name
    try:
        await server._process_messages(websocket, service)  # noqa: SLF001 - there is no public name
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


def _name_in(host: str) -> str:
    """Return a ``Host`` header without its port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _textual_serve() -> tuple[ModuleType, type[Server]]:
    try:
        from aiohttp import web
        from textual_serve.server import Server
    except ImportError as error:
        raise UnavailableError(
            "serving the app in a browser needs textual-serve, which is not installed",
            todo="Install it with: pip install 'rejudge[serve]'",
        ) from error
    return web, Server
