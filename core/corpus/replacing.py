"""The step by which a staged corpus takes the place of the one before it.

Documents are first written to a file of JSON lines, so that reading a large folder neither fills
the memory nor keeps others from writing to the store. The step itself is one short transaction.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.store import literal, utc_now

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from core.records import Document
    from core.store import Store

_COLUMNS: Final = {
    "id": "UUID",
    "path": "VARCHAR",
    "symbol": "VARCHAR",
    "kind": "VARCHAR",
    "language": "VARCHAR",
    "start_line": "INTEGER",
    "end_line": "INTEGER",
    "text": "VARCHAR",
}


@dataclass(frozen=True, slots=True)
class CorpusCounts:
    """Documents that the new corpus has, told by their place (path and symbol) and their text."""

    read: int
    added: int
    updated: int
    unchanged: int
    removed: int


def staged_line(document: Document) -> str:
    """Return the line that ``replace_corpus`` reads a document from, with its newline."""
    values = {
        "id": str(document.id),
        "path": document.path,
        "symbol": document.symbol,
        "kind": document.kind.value,
        "language": document.language,
        "start_line": document.start_line,
        "end_line": document.end_line,
        "text": document.text,
    }
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")) + "\n"


def replace_corpus(store: Store, staged: Path, *, largest_line: int) -> CorpusCounts:
    """Make the documents staged in a file the corpus of the workspace, all at once.

    A document that leaves the corpus is deleted, unless a pair refers to it: then it stays in the
    store with ``in_corpus`` false. One that comes back is the same document again.

    Args:
        store: an open store, whose folder holds ``staged``.
        staged: lines of ``staged_line``, no document twice.
        largest_line: no line is longer, in bytes.
    """
    columns = ", ".join(f"{name}: {literal(kind)}" for name, kind in _COLUMNS.items())
    lines = (
        f"read_json({literal(str(staged.resolve()))}, format = 'newline_delimited',"
        f" columns = {{{columns}}}, maximum_object_size = {max(largest_line, 1 << 24)})"
    )
    with store.transaction() as cursor:
        cursor.execute(f"CREATE TEMP TABLE staged AS SELECT * EXCLUDE (text) FROM {lines}")
        cursor.execute(
            "CREATE TEMP TABLE former AS SELECT id, path, symbol FROM db.documents WHERE in_corpus"
        )
        counts = _counts(cursor)
        _take_in(cursor, lines)
        _let_go(cursor)
        cursor.execute("DROP TABLE staged")
        cursor.execute("DROP TABLE former")
    return counts


def _counts(cursor: DuckDBPyConnection) -> CorpusCounts:
    row = cursor.execute(
        """
        SELECT
            (SELECT count(*) FROM staged),
            (SELECT count(*) FROM staged WHERE id IN (SELECT id FROM former)),
            (SELECT count(*) FROM staged
                WHERE id NOT IN (SELECT id FROM former)
                AND (path, symbol) IN (SELECT (path, symbol) FROM former)),
            (SELECT count(*) FROM former
                WHERE (path, symbol) NOT IN (SELECT (path, symbol) FROM staged))
        """
    ).fetchone()
    read, unchanged, updated, removed = row or (0, 0, 0, 0)
    return CorpusCounts(read, read - unchanged - updated, updated, unchanged, removed)


def _take_in(cursor: DuckDBPyConnection, lines: str) -> None:
    cursor.execute(
        "UPDATE db.documents SET in_corpus = true, kind = staged.kind, language = staged.language,"
        " start_line = staged.start_line, end_line = staged.end_line FROM staged"
        " WHERE documents.id = staged.id AND (NOT documents.in_corpus"
        " OR documents.kind <> staged.kind OR documents.language <> staged.language"
        " OR documents.start_line IS DISTINCT FROM staged.start_line"
        " OR documents.end_line IS DISTINCT FROM staged.end_line)"
    )
    names = ", ".join(_COLUMNS)
    cursor.execute(
        f"INSERT INTO db.documents ({names}, in_corpus, added)"
        f" SELECT {names}, true, CAST($1 AS TIMESTAMP) FROM {lines} AS fresh"
        " WHERE NOT EXISTS (SELECT 1 FROM db.documents AS kept WHERE kept.id = fresh.id)",
        [utc_now()],
    )


def _let_go(cursor: DuckDBPyConnection) -> None:
    gone = "in_corpus AND id NOT IN (SELECT id FROM staged)"
    cursor.execute(
        f"DELETE FROM db.documents WHERE {gone} AND id NOT IN (SELECT document_id FROM db.pairs)"
    )
    cursor.execute(f"UPDATE db.documents SET in_corpus = false WHERE {gone}")
