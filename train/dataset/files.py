"""A training set on disk: three parquet files and ``summary.json``, written whole.

The worker reads it in its own process and never opens the store, so DuckDB is used as an engine in
memory only.
"""

from __future__ import annotations

import hashlib
import json
import struct
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin, get_type_hints

from core.errors import InputError
from core.files import replacing
from core.jobs import Job
from core.records import QueryKind
from core.store.sql import literal
from train.dataset.records import (
    GradeSource,
    Leak,
    LeakRule,
    Split,
    TrainingDocument,
    TrainingPair,
    TrainingQuery,
    TrainingSet,
    TrainingSetPlan,
)
from train.dataset.summary import TrainingSetSummary
from train.settings import plain_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from hashlib import _Hash
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from core.store.sql import Row


def content_hash(training_set: TrainingSet) -> str:
    """Return the SHA-256, in hex, of all queries, documents and pairs in their order.

    Each text goes in with its length before it; numbers as 4 or 8 bytes, little-endian; a pair's
    source as 10 bytes, filled with zeros.
    """
    digest = hashlib.sha256()
    for query in training_set.queries:
        _add(digest, str(query.id), query.text, query.kind or "", query.split)
    digest.update(b"documents")
    for document in training_set.documents:
        _add(digest, str(document.id), document.path, document.symbol, document.text)
    digest.update(b"pairs")
    for pair in training_set.pairs:
        digest.update(
            struct.pack(
                "<iidd10s",
                pair.query,
                pair.document,
                pair.grade,
                pair.weight,
                pair.source.encode(),
            )
        )
    return digest.hexdigest()


def _add(digest: _Hash, *texts: str) -> None:
    for text in texts:
        encoded = text.encode()
        digest.update(struct.pack("<q", len(encoded)) + encoded)


#: Increased when the columns of the files or the fields of the summary change.
VERSION: Final = 1


def summary_text(summary: TrainingSetSummary, content: str) -> str:
    """Return the text of ``summary.json``: the summary, the version, and the content hash."""
    document = {"version": VERSION, "content": content} | asdict(summary)
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def read_summary(path: Path) -> tuple[TrainingSetSummary, str]:
    """Return the summary and the hash of the content.

    Raises:
        InputError: the file is absent, of another version, or not a summary.
    """
    try:
        document = json.loads(path.read_text("utf-8"))
        version = document["version"]
        if version == VERSION:
            content = str(document.pop("content"))
            del document["version"]
            return _from_json(TrainingSetSummary, document), content
    except OSError as error:
        raise InputError(
            f"the training set's summary cannot be read: {error.strerror}",
            where=str(path),
            todo="Start a new run.",
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            "this is not a training set's summary", where=str(path), todo="Start a new run."
        ) from error
    raise InputError(
        f"the training set is of version {version}, and this rejudge reads {VERSION}",
        where=str(path),
        todo="Use the version of rejudge that started the run, or start a new run.",
    )


#: The names in annotations of the summary's dataclasses, which only type checkers import there.
_NAMES: Final = {each.__name__: each for each in (QueryKind, Leak, LeakRule, TrainingSetPlan)}


def _from_json(hint: Any, value: Any) -> Any:
    """Return a JSON value as a dataclass, a tuple of one type, an enum, or itself."""
    if get_origin(hint) is tuple:
        return tuple(_from_json(get_args(hint)[0], item) for item in value)
    kind = plain_type(hint)
    if value is None or not isinstance(kind, type):
        return value
    if is_dataclass(kind):
        hints = get_type_hints(kind, localns=_NAMES)
        return kind(**{name: _from_json(hints[name], item) for name, item in value.items()})
    return kind(value) if issubclass(kind, StrEnum) else value


SUMMARY_NAME: Final = "summary.json"
_PAGE: Final = 50_000
_QUERIES: Final = {"id": "UUID", "text": "VARCHAR", "kind": "VARCHAR", "split": "VARCHAR"}
_DOCUMENTS: Final = {"id": "UUID", "path": "VARCHAR", "symbol": "VARCHAR", "text": "VARCHAR"}
_PAIRS: Final = {
    "query": "INTEGER",
    "document": "INTEGER",
    "grade": "DOUBLE",
    "weight": "DOUBLE",
    "source": "VARCHAR",
}


def write_training_set(folder: Path, training_set: TrainingSet, summary: TrainingSetSummary) -> str:
    """Write a training set to a new folder, whole or not at all; return the hash of its content.

    Args:
        folder: is made; its parent exists.
        training_set: the set.
        summary: its figures.

    Raises:
        InputError: the folder exists already, or cannot be written (the disk is full).
    """
    if folder.exists():
        raise InputError(
            "there is a training set already", where=str(folder), todo="Use another folder."
        )
    content = content_hash(training_set)
    with _written(folder), replacing(folder) as unfinished:
        unfinished.mkdir()
        _write_tables(unfinished, training_set)
        (unfinished / SUMMARY_NAME).write_text(summary_text(summary, content), "utf-8")
    return content


def read_training_set(
    folder: Path, job: Job | None = None
) -> tuple[TrainingSet, TrainingSetSummary]:
    """Read a training set back, and check that it is the one that was written.

    Raises:
        InputError: a file is absent, damaged or not of this set; the message names it.
        CancelledError: the job was cancelled.
    """
    job = job or Job()
    summary, content = read_summary(folder / SUMMARY_NAME)
    training_set = TrainingSet(
        tuple(
            TrainingQuery(identifier, text, QueryKind(kind) if kind else None, Split(split))
            for identifier, text, kind, split in _rows(folder, "queries", _QUERIES, job)
        ),
        tuple(TrainingDocument(*row) for row in _rows(folder, "documents", _DOCUMENTS, job)),
        tuple(
            TrainingPair(query, document, grade, weight, _SOURCES[source])
            for query, document, grade, weight, source in _rows(folder, "pairs", _PAIRS, job)
        ),
    )
    if content_hash(training_set) != content:
        raise InputError(
            "the training set was changed or damaged", where=str(folder), todo="Start a new run."
        )
    return training_set, summary


_SOURCES: Final = {source.value: source for source in GradeSource}


def _write_tables(folder: Path, training_set: TrainingSet) -> None:
    from core.store.engine import engine

    connection = engine.connect()
    try:
        connection.execute("SET threads = 1")
        _write_table(
            connection,
            folder / "queries.parquet",
            _QUERIES,
            [(each.id, each.text, each.kind, each.split) for each in training_set.queries],
        )
        _write_table(
            connection,
            folder / "documents.parquet",
            _DOCUMENTS,
            [(each.id, each.path, each.symbol, each.text) for each in training_set.documents],
        )
        _write_table(
            connection,
            folder / "pairs.parquet",
            _PAIRS,
            [
                (each.query, each.document, each.grade, each.weight, each.source)
                for each in training_set.pairs
            ],
        )
    finally:
        connection.close()


def _write_table(
    connection: DuckDBPyConnection,
    path: Path,
    columns: dict[str, str],
    rows: Sequence[tuple[object, ...]],
) -> None:
    declared = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    connection.execute(f"CREATE OR REPLACE TABLE written ({declared})")
    unnested = ", ".join(
        f"unnest(CAST(${number} AS {kind}[]))"
        for number, kind in enumerate(columns.values(), start=1)
    )
    for start in range(0, len(rows), _PAGE):
        arrays = [list(column) for column in zip(*rows[start : start + _PAGE], strict=True)]
        connection.execute(f"INSERT INTO written SELECT {unnested}", arrays)
    connection.execute(
        f"COPY written TO {literal(str(path.resolve()))} (FORMAT parquet, COMPRESSION zstd)"
    )


def _rows(folder: Path, name: str, columns: dict[str, str], job: Job) -> Iterable[Row]:
    from core.store.engine import engine

    path = folder / f"{name}.parquet"
    selected = ", ".join(f"CAST({column} AS {kind})" for column, kind in columns.items())
    try:
        connection = engine.connect()
        try:
            connection.execute("SET threads = 1")
            connection.execute("SET autoinstall_known_extensions = false")
            connection.execute(
                f"SELECT {selected} FROM read_parquet({literal(str(path.resolve()))})"
            )
            while rows := connection.fetchmany(_PAGE):
                job.check()
                yield from rows
        finally:
            connection.close()
    except engine.Error as error:
        what = str(error).strip().splitlines()[0]
        raise InputError(
            f"the training set cannot be read: {what}", where=str(path), todo="Start a new run."
        ) from error


@contextmanager
def _written(folder: Path) -> Iterator[None]:
    from core.store.engine import engine

    try:
        yield
    except (OSError, engine.Error) as error:
        reason = getattr(error, "strerror", None) or str(error).strip().splitlines()[0]
        raise InputError(
            f"the training set was not written: {reason}",
            where=str(folder),
            todo="Make room, or choose a folder that you can write to; nothing was kept.",
        ) from error
