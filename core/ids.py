"""Ids: content hashes for things that can be met again, time-ordered ids for events.

A content id is the first 128 bits of a SHA-256 over the hex SHA-256 digests of its parts. Hashing
digests instead of joined text keeps different lists of parts apart. The database can compute the
same id (``content_id_sql``), so bulk imports and single inserts agree.
"""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime
from uuid import UUID


def utc_now() -> datetime:
    """Return the time in UTC as a naive datetime, as the store keeps it."""
    return datetime.now(UTC).replace(tzinfo=None)


def content_id(*parts: str) -> UUID:
    """Return the id of the content in ``parts``, whose order matters."""
    digests = "".join(_sha256(part) for part in parts)
    return UUID(_sha256(digests)[:32])


def content_id_sql(*expressions: str) -> str:
    """Return the SQL expression for ``content_id`` of VARCHAR expressions."""
    digests = " || ".join(f"sha256({expression})" for expression in expressions)
    return f"CAST(left(sha256({digests}), 32) AS UUID)"


def query_id(text: str) -> UUID:
    """Return the id of a query."""
    return content_id(text)


def document_id(path: str, symbol: str, text: str) -> UUID:
    """Return the id of a document; its line numbers do not matter."""
    return content_id(path, symbol, text)


def pair_id(query: UUID, document: UUID) -> UUID:
    """Return the id of a pair."""
    return content_id(str(query), str(document))


def prompt_version(prompt: str) -> str:
    """Return the version of a prompt: the first 12 hex digits of its SHA-256."""
    return _sha256(prompt)[:12] if prompt else ""


def _sha256(text: str) -> str:
    import hashlib  # an audit makes no content ids, and its screen should come soon

    return hashlib.sha256(text.encode()).hexdigest()


class _EventClock:
    """Makes UUIDv7 values (RFC 9562, section 5.7) that always increase within a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> UUID:
        """Return an id greater than all before it, even if the clock stops or goes back."""
        with self._lock:
            milliseconds = time.time_ns() // 1_000_000
            # A single call: it costs more than everything else here.
            bits = int.from_bytes(os.urandom(10)) >> 6
            value = (milliseconds << 80) | (0x7 << 76) | (bits >> 62 << 64)
            value |= (0b10 << 62) | (bits & ((1 << 62) - 1))
            if value <= self._last:
                value = self._last + 1 + (bits & 0xFFFFFFFF)
            self._last = value
            return UUID(int=value)


_clock = _EventClock()


def event_id() -> UUID:
    """Return a new id for an event, greater than all earlier ones of this process."""
    return _clock.next()
