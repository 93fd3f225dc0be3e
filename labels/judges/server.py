"""Where a judge's server is and how it is let in: address, key, and text that hides the key."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from core.errors import JudgeError

KEY_VARIABLES: Final = ("REJUDGE_API_KEY", "OPENAI_API_KEY")
ADDRESS_VARIABLE: Final = "OPENAI_BASE_URL"
DEFAULT_ADDRESS: Final = "https://api.openai.com/v1"
REASON_LIMIT: Final = 300
#: Sent where the person has no key: local servers take any.
_NO_KEY: Final = "none"
_SHORTEST_SECRET: Final = 6


@dataclass(frozen=True, slots=True)
class Server:
    """An OpenAI-compatible server. ``key`` is never shown, logged or stored.

    ``timeout`` is in seconds for each attempt; ``attempts`` counts the first and its retries.
    """

    address: str
    key: str = field(repr=False)
    timeout: float = 120.0
    attempts: int = 4

    @property
    def shown(self) -> str:
        """The address for messages: without user, password and query."""
        parts = urlsplit(self.address)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"

    @property
    def base_url(self) -> str:
        """The address without its query, to which paths are appended."""
        return urlunsplit(urlsplit(self.address)._replace(query="", fragment=""))

    @property
    def query(self) -> dict[str, str]:
        """The address's query, such as Azure's ``api-version``; it goes after the path."""
        return dict(parse_qsl(urlsplit(self.address).query, keep_blank_values=True))

    @property
    def headers(self) -> dict[str, str]:
        """Headers beside the usual bearer token: Azure reads the key from one of its own."""
        return {"api-key": self.key} if "api-version" in self.query else {}

    def safe_line(self, text: str) -> str:
        """Return the server's text on one line, shortened, with the key struck out."""
        line = " ".join(self.without_key(text).split())
        return line if len(line) <= REASON_LIMIT else line[:REASON_LIMIT] + "…"

    def without_key(self, text: str) -> str:
        """Return the text without the key, NULs and half surrogate pairs, as the store keeps it."""
        whole = text.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")
        return whole.replace(self.key, "***") if len(self.key) >= _SHORTEST_SECRET else whole


def find_server(base_url: str | None, *, timeout: float, attempts: int = 4) -> Server:
    """Return the server at ``base_url``, else at ``OPENAI_BASE_URL``, else OpenAI's own.

    The key comes from the environment: ``REJUDGE_API_KEY`` or ``OPENAI_API_KEY``.

    Raises:
        JudgeError: the address is not an http address, or OpenAI's own server has no key.
    """
    address = base_url or os.environ.get(ADDRESS_VARIABLE) or DEFAULT_ADDRESS
    if not _is_http(address):
        raise JudgeError(
            "the judge's address is not an http or https address",
            where=address if "@" not in address else "--base-url",
            todo="Give it as --base-url http://localhost:8000/v1",
        )
    key = next((os.environ[name].strip() for name in KEY_VARIABLES if os.environ.get(name)), "")
    if not key and address == DEFAULT_ADDRESS:
        raise JudgeError(
            "there is no API key",
            where=DEFAULT_ADDRESS,
            todo=f"Set {' or '.join(KEY_VARIABLES)}, or name another server with --base-url URL,"
            " or use the offline baseline: --judge lexical",
        )
    return Server(address, key or _NO_KEY, timeout, attempts)


def _is_http(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
