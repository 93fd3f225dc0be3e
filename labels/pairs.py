"""Pairs in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.rows import insert_missing
from core.store import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterable

    from duckdb import DuckDBPyConnection

    from core.records import Pair

_COLUMN_TYPES: Final = {
    "id": "UUID",
    "query_id": "UUID",
    "document_id": "UUID",
    "origin": "VARCHAR",
    "inclusion_probability": "DOUBLE",
    "added": "TIMESTAMP",
}


def add_pairs(cursor: DuckDBPyConnection, pairs: Iterable[Pair]) -> int:
    """Insert the pairs that the store lacks and return how many; a known pair keeps its origin."""
    now = utc_now()
    rows = (
        (
            pair.id,
            pair.query_id,
            pair.document_id,
            pair.origin.value,
            pair.inclusion_probability,
            now,
        )
        for pair in pairs
    )
    return insert_missing(cursor, "pairs", _COLUMN_TYPES, rows)
