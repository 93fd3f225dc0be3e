"""The url of a team's store: ``postgres:host=... dbname=...``.

A url with a password is refused: urls are kept in a settings file, shown in messages, and visible
to everybody who lists processes. libpq reads passwords from PGPASSWORD or ~/.pgpass.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from core.errors import InputError

_SCHEME: Final = "postgres:"
_URIS: Final = ("postgres://", "postgresql://")
_WORD: Final = re.compile(r"\s*(?P<name>\w+)\s*=\s*(?P<value>'(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)*)")
_SECRETS: Final = frozenset({"password", "passfile_password", "sslpassword", "oauth_client_secret"})
#: Defaults with which a lost server is noticed within seconds; a url may override them.
_DEFAULTS: Final = {
    "connect_timeout": "5",
    "tcp_user_timeout": "10000",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "2",
    "application_name": "rejudge",
}
_HELP: Final = "Write it as: postgres:host=HOST dbname=NAME user=NAME"
_LEAVE_OUT: Final = (
    "Leave it out, and set PGPASSWORD in the environment or add a line to ~/.pgpass."
)


@dataclass(frozen=True, slots=True)
class ServerUrl:
    """A PostgreSQL database: ``connection`` for libpq, without password, and ``shown``."""

    connection: str
    shown: str


def server_url(text: str) -> ServerUrl:
    """Parse ``postgres:host=... dbname=...`` or ``postgresql://user@host/name``.

    Raises:
        InputError: it is neither, or contains a password.
    """
    stripped = text.strip()
    if stripped.startswith(_URIS):
        return _of_uri(stripped)
    if not stripped.startswith(_SCHEME):
        raise InputError(
            "this is not the url of a store", where=_without_secrets(stripped), todo=_HELP
        )
    values = _values(stripped.removeprefix(_SCHEME))
    if _SECRETS & values.keys():
        raise InputError("the store's url contains a password", todo=_LEAVE_OUT)
    shown = " ".join(f"{name}={value}" for name, value in values.items())
    connection = " ".join(_word(name, value) for name, value in (_DEFAULTS | values).items())
    return ServerUrl(connection, f"{_SCHEME}{shown}")


def is_server_url(text: str) -> bool:
    """Return whether the text is the url of a server, not a folder or empty."""
    return text.strip().startswith((_SCHEME, *_URIS))


def _values(text: str) -> dict[str, str]:
    values: dict[str, str] = {}
    place = 0
    while text[place:].strip():
        found = _WORD.match(text, place)
        if found is None:
            raise InputError("the store's url cannot be read", todo=_HELP)
        value = found["value"]
        if value.startswith("'"):
            value = value[1:-1]
        values[found["name"].lower()] = re.sub(r"\\(.)", r"\1", value)
        place = found.end()
    return values


def _word(name: str, value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"{name}='{escaped}'"


def _of_uri(text: str) -> ServerUrl:
    from urllib.parse import parse_qsl, unquote, urlsplit

    try:
        parts = urlsplit(text)
        port = parts.port
        asked = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    except ValueError as error:
        raise InputError("the store's url cannot be read", todo=_HELP) from error
    if parts.password is not None or _SECRETS & asked.keys():
        raise InputError("the store's url contains a password", todo=_LEAVE_OUT)
    named = {
        "host": parts.hostname,
        "port": str(port) if port else None,
        "user": unquote(parts.username) if parts.username else None,
        "dbname": unquote(parts.path.lstrip("/")) or None,
    }
    values = {name: value for name, value in named.items() if value} | asked
    return server_url(_SCHEME + " ".join(_word(name, value) for name, value in values.items()))


def _without_secrets(text: str) -> str:
    """Return the text, or nothing if it could contain a password."""
    return text if re.fullmatch(r"[\w./~ -]*", text) else ""
