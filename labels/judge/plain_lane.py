"""The usual exchange with a server on plain http, done cheaply.

A call through the ``openai`` package costs 2 ms of CPU, 1 ms of it before a byte is sent (measured
on one core of a server of 2021), so that one process makes 500 calls a second at most. A model
server next door, asked about 64 pairs at a time, can be quicker than that. So its usual exchange,
a POST that is answered by a 200 with a body of stated length, is made here over kept connections.
Whatever else happens is a miss, and the package makes the call: retries, errors, redirects,
compression and chunks are its business. So are https and proxies, always.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from labels.judge.completion import ANSWER_LIMIT

if TYPE_CHECKING:
    from labels.judge.server import Server

_HEAD_LIMIT: Final = 1 << 16
_OK: Final = 200
_LATER: Final = {429, 500, 502, 503, 504}
_FIRST_WAIT: Final = 0.5
_LONGEST_WAIT: Final = 120.0


class LaneMissError(Exception):
    """The exchange was not the usual one; the package should make the call.

    ``answered``: the server saw the request, so that this was one of the tries. ``unfit``: its
    answers never will be usual. ``wait``: seconds that the server wants to be left alone.
    """

    def __init__(self, *, answered: bool = False, unfit: bool = False, wait: float = 0.0) -> None:
        super().__init__("not the usual exchange")
        self.answered = answered
        self.unfit = unfit
        self.wait = wait


class PlainLane:
    """Kept connections to one server; as many as there are calls at a time."""

    def __init__(self, server: Server) -> None:
        parts = urlsplit(server.address)
        self._place = (parts.hostname or "", parts.port or 80)
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._timeout = server.timeout
        self._head = (
            f"POST {parts.path.rstrip('/')}/chat/completions HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            f"Authorization: Bearer {server.key}\r\nContent-Type: application/json\r\n"
            "Accept: application/json\r\nContent-Length: "
        ).encode()

    async def post(self, body: bytes) -> str:
        """Send a request's JSON and return the answer's.

        Raises:
            LaneMissError: anything but a 200 with a body of stated length.
            TimeoutError: the answer was not there in time.
        """
        try:
            async with asyncio.timeout(self._timeout):
                connection = self._free.pop() if self._free else await self._connect()
                return await self._exchange(connection, body)
        except TimeoutError:
            raise
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
            raise LaneMissError from None

    async def aclose(self) -> None:
        """Close the connections."""
        for _, writer in self._free:
            writer.close()
        self._free.clear()
        await asyncio.sleep(0)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(*self._place, limit=_HEAD_LIMIT)

    async def _exchange(
        self, connection: tuple[asyncio.StreamReader, asyncio.StreamWriter], body: bytes
    ) -> str:
        reader, writer = connection
        kept = False
        try:
            writer.write(b"%b%d\r\n\r\n%b" % (self._head, len(body), body))
            status, fields = _head_of(await reader.readuntil(b"\r\n\r\n"))
            if status != _OK:
                raise LaneMissError(answered=True, wait=_wait(status, fields))
            length = fields.get("content-length", "")
            if not length.isdecimal() or "content-encoding" in fields:
                raise LaneMissError(answered=True, unfit=True)
            if int(length) > ANSWER_LIMIT:
                raise LaneMissError(answered=True)
            answer = await reader.readexactly(int(length))
            kept = fields.get("connection", "").lower() != "close"
            return answer.decode("utf-8", "replace")
        finally:
            if kept:
                self._free.append(connection)
            else:
                writer.close()


def plain_lane(server: Server) -> PlainLane | None:
    """Return the lane to a server, None where the package must make every call."""
    parts = urlsplit(server.address)
    text = server.address + server.key
    if parts.scheme != "http" or parts.query or "@" in parts.netloc:
        return None
    if not (text.isascii() and text.isprintable() and " " not in text):
        return None
    if "http" in getproxies() and not proxy_bypass(parts.netloc):
        return None
    return PlainLane(server)


def _head_of(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    version, status = first.split(" ", 2)[:2]
    if version != "HTTP/1.1":
        raise LaneMissError(answered=True, unfit=True)
    fields = [line.partition(":") for line in lines]
    return int(status), {name.strip().lower(): value.strip() for name, _, value in fields}


def _wait(status: int, fields: dict[str, str]) -> float:
    if status not in _LATER:
        return 0.0
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(fields[name]) / unit
        except (KeyError, ValueError):
            continue
        if 0 <= seconds <= _LONGEST_WAIT:
            return seconds
    return _FIRST_WAIT
