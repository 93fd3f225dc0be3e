"""Rows to records and back: documents, queries, pairs, judges, judgments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.ids import content_id, prompt_version, utc_now
from core.records import (
    Document,
    DocumentKind,
    Judge,
    JudgeKind,
    Judgment,
    Origin,
    Pair,
    Query,
    QueryKind,
)
from core.store.sql import insert_missing, one_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from duckdb import DuckDBPyConnection

    from core.store.database import Store
    from core.store.sql import Row


DOCUMENT_TYPES: Final = {
    "id": "UUID",
    "path": "VARCHAR",
    "symbol": "VARCHAR",
    "kind": "VARCHAR",
    "language": "VARCHAR",
    "start_line": "INTEGER",
    "end_line": "INTEGER",
    "text": "VARCHAR",
}
DOCUMENT_COLUMNS: Final = ", ".join(DOCUMENT_TYPES)


def add_documents(
    cursor: DuckDBPyConnection, documents: Iterable[Document], *, in_corpus: bool
) -> int:
    """Insert documents; those already stored are skipped. Return the number inserted."""
    now = utc_now()
    rows = ((*document_row(document), in_corpus, now) for document in documents)
    columns = DOCUMENT_TYPES | {"in_corpus": "BOOLEAN", "added": "TIMESTAMP"}
    return insert_missing(cursor, "documents", columns, rows)


def document_row(document: Document) -> Row:
    """Return a document's values in the order of ``DOCUMENT_COLUMNS``."""
    return (
        document.id,
        document.path,
        document.symbol,
        document.kind.value,
        document.language,
        document.start_line,
        document.end_line,
        document.text,
    )


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
    """Return the documents of the current corpus, ordered by path and line."""
    rows = store.read(
        f"SELECT {DOCUMENT_COLUMNS} FROM db.documents WHERE in_corpus"
        " ORDER BY path, start_line, end_line, id"
    )
    return [document_of_row(row) for row in rows]


QUERY_COLUMNS: Final = "id, text, kind, variation_of"
_QUERY_TYPES: Final = {
    "id": "UUID",
    "text": "VARCHAR",
    "kind": "VARCHAR",
    "variation_of": "VARCHAR",
    "origin": "VARCHAR",
    "added": "TIMESTAMP",
}


def add_queries(cursor: DuckDBPyConnection, queries: Iterable[Query], origin: Origin) -> int:
    """Insert queries; those already stored are skipped. Return the number inserted.

    A stored query without a kind takes the kind given now.
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
    added = insert_missing(cursor, "queries", _QUERY_TYPES, rows)
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
    """Return the queries with these ids; an unknown id is absent from the result."""
    these, parameters = one_of(identifiers)
    rows = store.read(f"SELECT {QUERY_COLUMNS} FROM db.queries WHERE id IN {these}", parameters)
    return {row[0]: query_of_row(row) for row in rows}


PAIR_COLUMNS: Final = "id, query_id, document_id, origin, inclusion_probability"
_PAIR_TYPES: Final = {
    "id": "UUID",
    "query_id": "UUID",
    "document_id": "UUID",
    "origin": "VARCHAR",
    "inclusion_probability": "DOUBLE",
    "added": "TIMESTAMP",
}


def add_pairs(cursor: DuckDBPyConnection, pairs: Iterable[Pair]) -> int:
    """Insert pairs; those already stored are skipped and keep their origin.

    Return the number inserted.
    """
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
    return insert_missing(cursor, "pairs", _PAIR_TYPES, rows)


def pair_of_row(row: Row) -> Pair:
    """Return the pair of a row selected as ``PAIR_COLUMNS``."""
    identifier, query, document, origin, probability = row
    return Pair(identifier, query, document, Origin(origin), probability)


def pairs_by_id(store: Store, identifiers: Sequence[UUID]) -> dict[UUID, Pair]:
    """Return the pairs with these ids; an unknown id is absent from the result."""
    these, parameters = one_of(identifiers)
    rows = store.read(f"SELECT {PAIR_COLUMNS} FROM db.pairs WHERE id IN {these}", parameters)
    return {row[0]: pair_of_row(row) for row in rows}


JUDGE_COLUMNS: Final = "id, name, kind, model, prompt_version, prompt, parameters"
JUDGMENT_COLUMNS: Final = (
    "id, pair_id, judge_id, judged, score, failure, p1, p2, p3, p4, p5, rationale,"
    " prompt_tokens, completion_tokens, seconds"
)
_JUDGE_TYPES: Final = {
    "id": "UUID",
    "name": "VARCHAR",
    "kind": "VARCHAR",
    "model": "VARCHAR",
    "prompt_version": "VARCHAR",
    "prompt": "VARCHAR",
    "parameters": "VARCHAR",
    "added": "TIMESTAMP",
}
_JUDGMENT_TYPES: Final = {
    "id": "UUID",
    "pair_id": "UUID",
    "judge_id": "UUID",
    "judged": "TIMESTAMP",
    "score": "SMALLINT",
    "failure": "VARCHAR",
    "p1": "DOUBLE",
    "p2": "DOUBLE",
    "p3": "DOUBLE",
    "p4": "DOUBLE",
    "p5": "DOUBLE",
    "rationale": "VARCHAR",
    "prompt_tokens": "INTEGER",
    "completion_tokens": "INTEGER",
    "seconds": "DOUBLE",
}
_NO_DISTRIBUTION: Final = (None, None, None, None, None)


def make_judge(
    name: str, kind: JudgeKind, *, model: str = "", prompt: str = "", parameters: str = "{}"
) -> Judge:
    """Return a judge with its id: the same model, prompt and parameters make the same judge."""
    identifier = content_id(name, kind.value, model, prompt, parameters)
    return Judge(identifier, name, kind, model, prompt_version(prompt), prompt, parameters)


def add_judge(cursor: DuckDBPyConnection, judge: Judge) -> None:
    """Insert a judge, unless it is already stored."""
    row = (
        judge.id,
        judge.name,
        judge.kind.value,
        judge.model,
        judge.prompt_version,
        judge.prompt,
        judge.parameters,
        utc_now(),
    )
    insert_missing(cursor, "judges", _JUDGE_TYPES, [row])


def judge_of_row(row: Row) -> Judge:
    """Return the judge of a row selected as ``JUDGE_COLUMNS``."""
    identifier, name, kind, model, version, prompt, parameters = row
    return Judge(identifier, name, JudgeKind(kind), model, version, prompt, parameters)


def all_judges(store: Store) -> list[Judge]:
    """Return all judges, the oldest first."""
    rows = store.read(f"SELECT {JUDGE_COLUMNS} FROM db.judges ORDER BY added, name, id")
    return [judge_of_row(row) for row in rows]


def add_judgments(cursor: DuckDBPyConnection, judgments: Iterable[Judgment]) -> int:
    """Insert judgments; those already stored are skipped. Return the number inserted."""
    rows = (
        (
            judgment.id,
            judgment.pair_id,
            judgment.judge_id,
            judgment.judged,
            judgment.score,
            judgment.failure,
            *(judgment.distribution or _NO_DISTRIBUTION),
            judgment.rationale,
            judgment.prompt_tokens,
            judgment.completion_tokens,
            judgment.seconds,
        )
        for judgment in judgments
    )
    return insert_missing(cursor, "judgments", _JUDGMENT_TYPES, rows)


def judgment_of_row(row: Row) -> Judgment:
    """Return the judgment of a row selected as ``JUDGMENT_COLUMNS``."""
    identifier, pair, judge, judged, score, failure, p1, p2, p3, p4, p5, *rest = row
    distribution = None if p1 is None else (p1, p2, p3, p4, p5)
    return Judgment(identifier, pair, judge, judged, score, failure, distribution, *rest)
