"""Where a judge's server is and how it is let in: addresses, keys, and text that hides the key."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

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

    ``attempts`` counts the first try and the client's retries; ``timeout`` is in seconds, for each.
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

    def safe_line(self, text: str) -> str:
        """Return text of the server on one line, bounded, with the key struck out."""
        line = " ".join(self.without_key(text).split())
        return line if len(line) <= REASON_LIMIT else line[:REASON_LIMIT] + "…"

    def without_key(self, text: str) -> str:
        """Return the text as the store can keep it: no key, no NUL, no half characters."""
        whole = text.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")
        return whole.replace(self.key, "***") if len(self.key) >= _SHORTEST_SECRET else whole


def find_server(base_url: str | None, *, timeout: float, attempts: int = 4) -> Server:
    """Return the server at ``base_url``, else at the environment's, else OpenAI's own.

    The key is ``REJUDGE_API_KEY`` or ``OPENAI_API_KEY`` of the environment.

    Raises:
        JudgeError: the address is no http address, or OpenAI's own server is meant without a key.
    """
    address = base_url or os.environ.get(ADDRESS_VARIABLE) or DEFAULT_ADDRESS
    try:
        parts = urlsplit(address)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
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
