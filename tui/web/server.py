"""textual-serve behind a door: it looks at neither Host nor Origin, and knows no visitors.

Who may visit: which address is served, which page may ask, who knew the token.

One visitor's process, from the first paint until it has ended.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
import shlex
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from core.errors import InputError, UnavailableError
from core.processes import module_command
from core.workspace import ANNOTATOR_VARIABLE
from tui.web.pages import KEYS_PATH, KEYS_SCRIPT, app_page, content_policy, entrance_page

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import ModuleType

    from aiohttp import web
    from textual_serve.app_service import AppService
    from textual_serve.server import Server

    from core.workspace import Workspace

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

TOKEN_VARIABLE: Final = "REJUDGE_SERVE_TOKEN"  # noqa: S105 - the name of one
_SHORTEST: Final = 16
_LONGEST_NAME: Final = 64


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server listens, and what its visitors type: ``scheme://name:port``."""

    host: str
    port: int
    url: str

    @property
    def authority(self) -> str:
        """What a browser sends as ``Host``."""
        return urlsplit(self.url).netloc


def address_of(host: str, port: int, url: str, token: str) -> Address:
    """Return where to listen.

    Args:
        host: a name or an address of this machine.
        port: 1-65535.
        url: what visitors type; empty: made of host and port.
        token: the access token, empty for none.

    Raises:
        InputError: others could reach it and there is no token, or the url is none.
    """
    if not is_loopback(host) and not token:
        raise InputError(
            f"others can reach {host}, and there is no access token",
            todo=f"Set {TOKEN_VARIABLE} to {_SHORTEST} characters or more, or leave --host out.",
        )
    if token and len(token) < _SHORTEST:
        raise InputError(
            f"the access token in {TOKEN_VARIABLE} is shorter than {_SHORTEST} characters",
            todo="Make one with: python3 -c 'import secrets; print(secrets.token_urlsafe())'",
        )
    if not 0 < port < 2**16:
        raise InputError(f"{port} is no port", todo="Ports go from 1 to 65535.")
    if not url and _is_everywhere(host):
        raise InputError(
            f"{host} is no address that a browser can open",
            todo="Say which one visitors type: --url http://HOST:PORT",
        )
    shown = f"[{host}]" if ":" in host else host
    return Address(host, port, _origin(url) if url else f"http://{shown}:{port}")


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_own_page(origin: str | None, address: Address) -> bool:
    """Tell whether a request comes from a page of this very server; browsers always say."""
    return origin == address.url


@dataclass(slots=True)
class Entrance:
    """Lets visitors in and knows them again.

    Args:
        token: what a visitor has to know; empty: nothing.
        asks_name: whether a visitor has to say who labels.
    """

    token: str
    asks_name: bool
    _inside: dict[str, str] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """Whether nobody is asked for anything."""
        return not self.token and not self.asks_name

    def enter(self, token: str, name: str) -> str:
        """Return the secret by which the visitor is known from now on.

        Raises:
            InputError: the token is not the one, or the name is none.
        """
        if self.token and not hmac.compare_digest(token.encode(), self.token.encode()):
            raise InputError("that is not the access token")
        name = name.strip()
        if self.asks_name and not (name.isprintable() and 0 < len(name) <= _LONGEST_NAME):
            raise InputError(f"a name has 1 to {_LONGEST_NAME} characters")
        secret = secrets.token_urlsafe(32)
        self._inside[secret] = name if self.asks_name else ""
        return secret

    def name_of(self, secret: str | None) -> str | None:
        """Return who has this secret, empty where no name is asked for; None: nobody has."""
        if self.open:
            return ""
        return self._inside.get(secret or "")


def _is_everywhere(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False


def _origin(url: str) -> str:
    try:
        parts = urlsplit(url)
        fits = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        fits = False
    if not fits or parts.username or parts.path.strip("/") or parts.query or parts.fragment:
        raise InputError(
            "that is no address of a server", where=url, todo="Give it as: --url https://HOST"
        )
    return f"{parts.scheme}://{parts.netloc.lower()}"


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


MOST_VISITORS: Final = 64
_COOKIE: Final = "rejudge"
_TITLE: Final = "rejudge"
_HEADERS: Final = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def visitor_command(workspace: Workspace, name: str) -> str:
    """Return the shell command of one visitor's process.

    Args:
        workspace: what it shows, with the store that was asked for.
        name: who labels; empty: as the workspace says.
    """
    words = list(module_command("tui.cli.main"))
    words += ["--workspace", str(workspace.root)]
    if workspace.store:
        words += ["--store", workspace.store]
    who = f"{ANNOTATOR_VARIABLE}={shlex.quote(name)} " if name else ""
    return f"{who}exec {shlex.join(words)}"


async def make_web_app(
    workspace: Workspace, address: Address, entrance: Entrance
) -> web.Application:
    """Return the web application, guarded.

    Raises:
        UnavailableError: textual-serve is not installed.
    """
    aiohttp, server_class = _textual_serve()
    server = server_class("", address.host, address.port, _TITLE, address.url)
    app: web.Application = await server._make_app()  # noqa: SLF001 - its public method also serves, unguarded
    app.on_startup.clear()  # it prints a banner
    door = _Door(workspace, address, entrance, server)

    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await door.guard(request, handler)

    app.middlewares.append(aiohttp.middleware(guard))
    app.router.add_post("/enter", door.enter)
    return app


def serve(workspace: Workspace, address: Address, entrance: Entrance) -> None:
    """Serve until ctrl+c. Nothing that a visitor sends is logged.

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
            f"{address.host} port {address.port} cannot be listened on: {error.strerror}",
            todo="Choose another with --port.",
        ) from error


class _Door:
    """Stands before every request."""

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
        """Refuse what is not from a page of ours; send who is not known to the entrance."""
        aiohttp, address = self._aiohttp, self._address
        if request.host.lower() != address.authority:
            # Another name of loopback is sent to the right one; a rebound name gets nothing.
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
            # Not the page of textual-serve, which loads a font from elsewhere.
            return self._text(app_page(address.url))
        if request.path == KEYS_PATH:
            return self._text(KEYS_SCRIPT, kind="text/javascript")
        response = await handler(request)
        if not response.prepared:
            response.headers.update(self._headers)
        return response

    async def enter(self, request: web.Request) -> web.StreamResponse:
        """Let a visitor in who gives what is asked for."""
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
        """Start a process for the visitor and show it until one of the two leaves."""
        aiohttp = self._aiohttp
        if not is_own_page(request.headers.get("Origin"), self._address):
            raise aiohttp.HTTPForbidden(text="not from a page of this server")
        if self._visitors >= MOST_VISITORS:
            raise aiohttp.HTTPServiceUnavailable(text=f"{MOST_VISITORS} visitors are here already")
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
