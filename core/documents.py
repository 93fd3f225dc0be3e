"""Documents in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.records import Document, DocumentKind
from core.rows import insert_missing, one_of
from core.store import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from duckdb import DuckDBPyConnection

    from core.store import Row, Store

DOCUMENT_COLUMNS: Final = "id, path, symbol, kind, language, start_line, end_line, text"

_COLUMN_TYPES: Final = {
    "id": "UUID",
    "path": "VARCHAR",
    "symbol": "VARCHAR",
    "kind": "VARCHAR",
    "language": "VARCHAR",
    "start_line": "INTEGER",
    "end_line": "INTEGER",
    "text": "VARCHAR",
    "in_corpus": "BOOLEAN",
    "added": "TIMESTAMP",
}


def add_documents(
    cursor: DuckDBPyConnection, documents: Iterable[Document], *, in_corpus: bool
) -> int:
    """Insert the documents that the store lacks and return how many that were."""
    now = utc_now()
    rows = (
        (
            document.id,
            document.path,
            document.symbol,
            document.kind.value,
            document.language,
            document.start_line,
            document.end_line,
            document.text,
            in_corpus,
            now,
        )
        for document in documents
    )
    return insert_missing(cursor, "documents", _COLUMN_TYPES, rows)


def document_of_row(row: Row) -> Document:
    """Return the document of a row selected as ``DOCUMENT_COLUMNS``."""
    identifier, path, symbol, kind, language, start_line, end_line, text = row
    return Document(
        identifier, path, symbol, DocumentKind(kind), language, start_line, end_line, text
    )


def documents_by_id(store: Store, identifiers: Sequence[UUID]) -> dict[UUID, Document]:
    """Return the documents with these ids; an unknown id is absent from the result."""
    these, parameters = one_of(identifiers)
    rows = store.read(
        f"SELECT {DOCUMENT_COLUMNS} FROM db.documents WHERE id IN {these}", parameters
    )
    return {row[0]: document_of_row(row) for row in rows}


def corpus_documents(store: Store) -> list[Document]:
    """Return every document of the corpus as it stands now, by path and line."""
    rows = store.read(
        f"SELECT {DOCUMENT_COLUMNS} FROM db.documents WHERE in_corpus"
        " ORDER BY path, start_line, end_line, id"
    )
    return [document_of_row(row) for row in rows]
