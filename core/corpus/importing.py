"""A folder of code into the store, as the corpus of the workspace.

The step by which a staged corpus takes the place of the one before it.

Documents are first written to a file of JSON lines, so that reading a large folder neither fills
the memory nor keeps others from writing to the store. The step itself is one short transaction.
"""

from __future__ import annotations

import json
import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.corpus.languages import language_of
from core.corpus.parsing import DEFAULT_PARSING, Outliner, Parsing, ReadFile
from core.corpus.sources import documents_of, read_source
from core.corpus.walking import walk
from core.errors import CancelledError, InputError
from core.ids import utc_now
from core.problems import ProblemLog
from core.records import ImportReport, Problem, Progress
from core.store.errors import explained
from core.store.sql import literal
from core.store.tables import DOCUMENT_COLUMNS, DOCUMENT_TYPES, document_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import TextIO

    from duckdb import DuckDBPyConnection

    from core.records import Document
    from core.store.database import Store


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
    identifier, *rest = document_row(document)
    values = dict(zip(DOCUMENT_TYPES, (str(identifier), *rest), strict=True))
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
    columns = ", ".join(f"{name}: {literal(kind)}" for name, kind in DOCUMENT_TYPES.items())
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
    cursor.execute(
        f"INSERT INTO db.documents ({DOCUMENT_COLUMNS}, in_corpus, added)"
        f" SELECT {DOCUMENT_COLUMNS}, true, CAST($1 AS TIMESTAMP) FROM {lines} AS fresh"
        " WHERE NOT EXISTS (SELECT 1 FROM db.documents AS kept WHERE kept.id = fresh.id)",
        [utc_now()],
    )


def _let_go(cursor: DuckDBPyConnection) -> None:
    gone = "in_corpus AND id NOT IN (SELECT id FROM staged)"
    cursor.execute(
        f"DELETE FROM db.documents WHERE {gone} AND id NOT IN (SELECT document_id FROM db.pairs)"
    )
    cursor.execute(f"UPDATE db.documents SET in_corpus = false WHERE {gone}")


DEFAULT_SIZE_LIMIT: Final = 2_000_000
PROGRESS_SECONDS: Final = 0.2
#: A byte of a file takes up to six in JSON.
ESCAPED_SIZE: Final = 8
STAGED_NAME: Final = "corpus-import.jsonl"
PROBLEMS_NAME: Final = "corpus-import-problems.jsonl"
_one_at_a_time: Final = threading.Lock()


def import_corpus(
    store: Store,
    folder: Path,
    *,
    exclude: Sequence[str] = (),
    size_limit: int = DEFAULT_SIZE_LIMIT,
    parsing: Parsing = DEFAULT_PARSING,
    progress: Callable[[Progress], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> ImportReport:
    """Make the documents of ``folder`` the corpus of the workspace.

    The workspace has one corpus: documents that this folder does not have leave it. One that a
    pair refers to stays in the store, out of the corpus; any other is deleted. Nothing is changed
    before the whole folder has been read, and then everything at once.

    Args:
        store: an open store.
        folder: the folder to read; ``.gitignore`` files in it and above it are respected.
        exclude: further patterns in the notation of ``.gitignore``, relative to ``folder``.
        size_limit: a larger file is skipped and named as a problem, in bytes.
        parsing: limits for parsing one file; one that breaks them is a problem and one document.
        progress: called with the files done and their total, some times a second at the most.
        cancelled: asked before each file and while one is parsed; once true, the import stops.

    Returns:
        Counts of documents: ``read`` are all that the folder has, each of them ``added`` (a new
        place), ``updated`` (a known place with a new text) or ``unchanged``; ``removed`` places
        are gone. ``skipped`` counts files, each named among ``problems``.

    Raises:
        InputError: the folder is absent, is no folder, or cannot be read.
        CancelledError: ``cancelled`` said so; the store is as it was.
        StoreError: the database refused; the store is as it was.
        UnavailableError: source files cannot be parsed on this machine; the store is as it was.
    """
    job = _Job(folder, size_limit, parsing, progress, cancelled)
    with _one_at_a_time, ProblemLog(store.folder / PROBLEMS_NAME) as problems:
        staged = store.folder / STAGED_NAME
        try:
            with explained(staged), _private_file(staged) as file:
                skipped = _stage(job, list(walk(folder, exclude=exclude)), file, problems)
            counts = replace_corpus(store, staged, largest_line=ESCAPED_SIZE * size_limit)
        finally:
            with suppress(OSError):
                staged.unlink()
        return ImportReport(
            read=counts.read,
            added=counts.added,
            updated=counts.updated,
            unchanged=counts.unchanged,
            removed=counts.removed,
            skipped=skipped,
            problems=problems.shown,
            problems_total=problems.total,
            report_file=problems.report_file,
        )


def _private_file(path: Path) -> TextIO:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    return os.fdopen(descriptor, "w", encoding="utf-8")


def _stage(job: _Job, found: Sequence[str | Problem], file: TextIO, problems: ProblemLog) -> int:
    """Write the documents of all files to ``file``; return how many files were skipped."""
    skipped = documents = done = 0

    def waiting(path: str) -> None:
        job.check()
        job.tell(Progress(done, len(found), path))

    with Outliner(job.parsing, waiting) as outliner:
        for read, outline in outliner.outlines(job.read(found)):
            job.tell(Progress(done, len(found), read.path))
            done += 1
            if read.problem:
                problems.add(read.problem)
            if outline.failure:
                problems.add(Problem(read.path, 0, f"{outline.failure}: taken as one document"))
            if read.text is None:
                skipped += read.problem is not None
                continue
            for document in documents_of(read.path, read.text, read.language, outline.definitions):
                file.write(staged_line(document))
                documents += 1
    if not documents:
        raise InputError(
            "no text files were found that git would not ignore",
            where=str(job.folder),
            todo="Give the folder that holds the code.",
        )
    job.progress(Progress(len(found), len(found)))
    return skipped


class _Job:
    """What an import was asked for, and when it last told how far it is."""

    def __init__(
        self,
        folder: Path,
        size_limit: int,
        parsing: Parsing,
        progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
    ) -> None:
        self.folder = folder
        self.size_limit = size_limit
        self.parsing = parsing
        self.progress = progress
        self._cancelled = cancelled
        self._told = 0.0

    def check(self) -> None:
        """Raise CancelledError once the import is to stop."""
        if self._cancelled():
            raise CancelledError(
                "the import was stopped",
                where=str(self.folder),
                todo="The corpus is as it was before. Import again when you like.",
            )

    def tell(self, progress: Progress) -> None:
        """Tell how far the import is, unless that was told just now."""
        now = time.monotonic()
        if now - self._told >= PROGRESS_SECONDS:
            self._told = now
            self.progress(progress)

    def read(self, found: Iterable[str | Problem]) -> Iterator[ReadFile]:
        """Yield what each file holds, when it is asked for."""
        for each in found:
            self.check()
            if isinstance(each, Problem):
                yield ReadFile(each.file, None, "", each)
                continue
            source = read_source(self.folder.expanduser() / each, self.size_limit)
            problem = Problem(each, source.line, source.reason) if source.reason else None
            language = language_of(each, source.text) if source.text is not None else ""
            yield ReadFile(each, source.text, language, problem)
