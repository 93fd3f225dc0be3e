"""Who may visit: the address that is served, the pages that may ask, the access token."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from core.errors import InputError

TOKEN_VARIABLE: Final = "REJUDGE_SERVE_TOKEN"  # noqa: S105 - the name of a variable
_SHORTEST: Final = 16
_LONGEST_NAME: Final = 64


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server listens. ``url`` is what visitors type: ``scheme://name:port``."""

    host: str
    port: int
    url: str

    @property
    def authority(self) -> str:
        """The ``Host`` header that a browser sends."""
        return urlsplit(self.url).netloc


def find_address(host: str, port: int, url: str, token: str) -> Address:
    """Return where to listen, checked.

    Args:
        host: a name or an address of this machine.
        port: 1-65535.
        url: what visitors type; empty: made of host and port.
        token: the access token, empty for none.

    Raises:
        InputError: other machines could reach it without a token, or a value cannot be used.
    """
    if not is_loopback(host) and not token:
        raise InputError(
            f"other machines can reach {host}, and there is no access token",
            todo=f"Set {TOKEN_VARIABLE} to {_SHORTEST} characters or more, or leave --host out.",
        )
    if token and len(token) < _SHORTEST:
        raise InputError(
            f"the access token in {TOKEN_VARIABLE} is shorter than {_SHORTEST} characters",
            todo="Make one with: python3 -c 'import secrets; print(secrets.token_urlsafe())'",
        )
    if not 0 < port < 2**16:
        raise InputError(f"{port} is not a port", todo="Ports go from 1 to 65535.")
    if not url and _is_everywhere(host):
        raise InputError(
            f"a browser cannot open {host}",
            todo="Say what visitors type: --url http://HOST:PORT",
        )
    shown = f"[{host}]" if ":" in host else host
    return Address(host, port, _origin(url) if url else f"http://{shown}:{port}")


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_own_page(origin: str | None, address: Address) -> bool:
    """Return whether a request comes from a page of this server; browsers always send that."""
    return origin == address.url


@dataclass(slots=True)
class Entrance:
    """Lets visitors in and recognises them by a cookie.

    Args:
        token: the access token that a visitor must know; empty: none.
        asks_name: whether a visitor must say who labels.
    """

    token: str
    asks_name: bool
    _inside: dict[str, str] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """Whether visitors are asked for nothing."""
        return not self.token and not self.asks_name

    def enter(self, token: str, name: str) -> str:
        """Return a secret by which the visitor is recognised from now on.

        Raises:
            InputError: the token is wrong, or the name cannot be used.
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
        """Return the visitor of a secret, empty where no names are asked for; None: unknown."""
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
            "that is not the address of a server", where=url, todo="Give it as: --url https://HOST"
        )
    return f"{parts.scheme}://{parts.netloc.lower()}"
