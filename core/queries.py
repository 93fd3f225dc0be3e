"""Queries in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.records import Origin, Query, QueryKind
from core.rows import insert_missing
from core.store import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from duckdb import DuckDBPyConnection

    from core.store import Row, Store

QUERY_COLUMNS: Final = "id, text, kind, variation_of"

_COLUMN_TYPES: Final = {
    "id": "UUID",
    "text": "VARCHAR",
    "kind": "VARCHAR",
    "variation_of": "VARCHAR",
    "origin": "VARCHAR",
    "added": "TIMESTAMP",
}


def add_queries(cursor: DuckDBPyConnection, queries: Iterable[Query], origin: Origin) -> int:
    """Insert the queries that the store lacks and return how many that were.

    A query already there without a kind takes the kind that is given now.
    """
    given = list(queries)
    now = utc_now()
    rows = (
        (
            query.id,
            query.text,
            query.kind.value if query.kind else None,
            query.variation_of,
            origin.value,
            now,
        )
        for query in given
    )
    added = insert_missing(cursor, "queries", _COLUMN_TYPES, rows)
    kinds = {query.id: query.kind.value for query in given if query.kind}
    if kinds:
        cursor.execute(
            "UPDATE db.queries SET kind = named.kind FROM"
            " (SELECT unnest(CAST($1 AS UUID[])) AS id, unnest(CAST($2 AS VARCHAR[])) AS kind)"
            " AS named WHERE queries.id = named.id AND queries.kind IS NULL",
            [list(kinds), list(kinds.values())],
        )
    return added


def query_of_row(row: Row) -> Query:
    """Return the query of a row selected as ``QUERY_COLUMNS``."""
    identifier, text, kind, variation_of = row
    return Query(identifier, text, QueryKind(kind) if kind else None, variation_of)


def queries_by_id(store: Store, identifiers: Sequence[UUID]) -> dict[UUID, Query]:
    """Return the queries with these ids, by id; what is not there is left out."""
    rows = store.read(
        f"SELECT {QUERY_COLUMNS} FROM db.queries WHERE id IN (SELECT unnest(CAST($1 AS UUID[])))",
        [list(identifiers)],
    )
    return {row[0]: query_of_row(row) for row in rows}


def all_queries(store: Store) -> list[Query]:
    """Return every query, by text."""
    rows = store.read(f"SELECT {QUERY_COLUMNS} FROM db.queries ORDER BY text, id")
    return [query_of_row(row) for row in rows]
