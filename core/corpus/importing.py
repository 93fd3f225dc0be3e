"""A folder of code into the store, as the corpus of the workspace."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from core.corpus.languages import language_of
from core.corpus.outlining import Outliner, ReadFile
from core.corpus.parsing_process import DEFAULT_PARSING, Parsing
from core.corpus.reading import read_source
from core.corpus.replacing import replace_corpus, staged_line
from core.corpus.splitting import documents_of
from core.corpus.walking import walk
from core.errors import CancelledError, InputError
from core.problem_log import ProblemLog
from core.records import ImportReport, Problem, Progress
from core.store_errors import explained

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import TextIO

    from core.store import Store

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
