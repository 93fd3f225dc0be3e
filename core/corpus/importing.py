"""Import a folder of code as the workspace's corpus.

Documents are first staged in a file of JSON lines, so that reading a large folder neither fills
memory nor blocks other writers. One short transaction then replaces the corpus.
"""

from __future__ import annotations

import json
import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from core.corpus.languages import language_of
from core.corpus.parsing import DEFAULT_LIMITS, Outliner, ParsingLimits, ReadFile
from core.corpus.sources import documents_of, read_source
from core.corpus.walking import walk
from core.errors import InputError
from core.ids import utc_now
from core.jobs import Job
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


DEFAULT_SIZE_LIMIT: Final = 2_000_000
PROGRESS_SECONDS: Final = 0.2
#: JSON takes up to six bytes for a byte of a file; the other fields fit in the rest.
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
    limits: ParsingLimits = DEFAULT_LIMITS,
    job: Job | None = None,
) -> ImportReport:
    """Make the documents of ``folder`` the corpus of the workspace.

    A workspace has one corpus: documents that are not in this folder leave it. They are deleted,
    unless a pair refers to them. Nothing changes until the whole folder has been read, and then
    everything changes at once.

    Args:
        store: an open store.
        folder: the folder to read; ``.gitignore`` files in it and above it are respected.
        exclude: further patterns in the notation of ``.gitignore``, relative to ``folder``.
        size_limit: larger files are skipped and reported as problems, in bytes.
        limits: on parsing a file; one that exceeds them is reported as a problem and
            becomes a single document.
        job: receives the files done and their total; can cancel, also while a file is parsed.

    Returns:
        Counts of documents. ``read`` are all in the folder; each is ``added`` (a new place),
        ``updated`` (a known place with a new text) or ``unchanged``. ``removed`` counts places
        that are gone, ``skipped`` files, which are listed among ``problems``.

    Raises:
        InputError: the folder is absent, is not a folder, or cannot be read.
        CancelledError: the job was cancelled; the store is unchanged.
        StoreError: the database refused; the store is unchanged.
        UnavailableError: this machine cannot parse source files; the store is unchanged.
    """
    job = (job or Job()).named("the import", "The corpus is unchanged. Import again at any time.")
    job = replace(job, progress=_throttled(job.progress))
    with _one_at_a_time, ProblemLog(store.folder / PROBLEMS_NAME) as problems:
        staged = store.folder / STAGED_NAME
        try:
            with explained(staged), _private_file(staged) as file:
                paths = list(walk(folder, exclude=exclude))
                files = _read_files(folder, paths, size_limit, job)
                staging = _Staging(file, problems, len(paths), job)
                staging.write(files, limits)
            staging.require_documents(folder)
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
            skipped=staging.skipped,
            problems=problems.shown,
            problems_total=problems.total,
            report_file=problems.report_file,
        )


def _throttled(progress: Callable[[Progress], None]) -> Callable[[Progress], None]:
    """Return a callback that passes on a few calls per second, and the last one in any case."""
    last = 0.0

    def pass_on(current: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= PROGRESS_SECONDS or current.done == current.total:
            last = now
            progress(current)

    return pass_on


def _private_file(path: Path) -> TextIO:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    return os.fdopen(descriptor, "w", encoding="utf-8")


def _read_files(
    folder: Path, paths: Iterable[str | Problem], size_limit: int, job: Job
) -> Iterator[ReadFile]:
    for path in paths:
        job.check()
        if isinstance(path, Problem):
            yield ReadFile(path.file, None, "", path)
            continue
        source = read_source(folder.expanduser() / path, size_limit)
        problem = Problem(path, source.line, source.reason) if source.reason else None
        language = language_of(path, source.text) if source.text is not None else ""
        yield ReadFile(path, source.text, language, problem)


class _Staging:
    """Writes the documents of files as JSON lines and counts what happens to the files."""

    def __init__(self, file: TextIO, problems: ProblemLog, total: int, job: Job) -> None:
        self._file = file
        self._problems = problems
        self._total = total
        self._job = job
        self._done = 0
        self._documents = 0
        self.skipped = 0

    def write(self, files: Iterable[ReadFile], limits: ParsingLimits) -> None:
        with Outliner(limits, self._report) as outliner:
            for read, outline in outliner.outlines(files):
                self._report(read.path)
                self._done += 1
                if read.problem:
                    self._problems.add(read.problem)
                if outline.failure:
                    reason = f"{outline.failure}: taken as one document"
                    self._problems.add(Problem(read.path, 0, reason))
                if read.text is None:
                    self.skipped += read.problem is not None
                    continue
                self._write(documents_of(read.path, read.text, read.language, outline.definitions))
        self._report("")

    def require_documents(self, folder: Path) -> None:
        if not self._documents:
            raise InputError(
                "no text files were found that git would not ignore",
                where=str(folder),
                todo="Give the folder that holds the code.",
            )

    def _report(self, path: str) -> None:
        self._job.step(self._done, self._total, path)

    def _write(self, documents: Sequence[Document]) -> None:
        for document in documents:
            self._file.write(staged_line(document))
        self._documents += len(documents)


def staged_line(document: Document) -> str:
    """Return the line from which ``replace_corpus`` reads a document, with its newline."""
    identifier, *rest = document_row(document)
    values = dict(zip(DOCUMENT_TYPES, (str(identifier), *rest), strict=True))
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")) + "\n"


@dataclass(frozen=True, slots=True)
class CorpusCounts:
    """What became of documents, identified by their place (path and symbol)."""

    read: int
    added: int
    updated: int
    unchanged: int
    removed: int


def replace_corpus(store: Store, staged: Path, *, largest_line: int) -> CorpusCounts:
    """Replace the corpus by the documents staged in a file, in one transaction.

    A document that leaves the corpus is deleted, unless a pair refers to it: then it stays in the
    store with ``in_corpus`` false. If it comes back, it is the same document again.

    Args:
        store: an open store, whose folder holds ``staged``.
        staged: lines of ``staged_line``, each document once.
        largest_line: the limit of a line's length, in bytes.
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
        _add_staged(cursor, lines)
        _remove_absent(cursor)
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


def _add_staged(cursor: DuckDBPyConnection, lines: str) -> None:
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


def _remove_absent(cursor: DuckDBPyConnection) -> None:
    absent = "in_corpus AND id NOT IN (SELECT id FROM staged)"
    cursor.execute(
        f"DELETE FROM db.documents WHERE {absent} AND id NOT IN (SELECT document_id FROM db.pairs)"
    )
    cursor.execute(f"UPDATE db.documents SET in_corpus = false WHERE {absent}")
