"""A folder of code into the store, as the corpus of the workspace."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from core.corpus.reading import read_source
from core.corpus.replacing import replace_corpus, staged_line
from core.corpus.splitting import split_file
from core.corpus.walking import walk
from core.errors import CancelledError, InputError
from core.problem_log import ProblemLog
from core.records import ImportReport, Problem, Progress
from core.store_errors import explained

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
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
        progress: called with the files done and their total, some times a second at the most.
        cancelled: asked before each file; once it is true, the import stops.

    Returns:
        Counts of documents: ``read`` are all that the folder has, each of them ``added`` (a new
        place), ``updated`` (a known place with a new text) or ``unchanged``; ``removed`` places
        are gone. ``skipped`` counts files, each named among ``problems``.

    Raises:
        InputError: the folder is absent, is no folder, or cannot be read.
        CancelledError: ``cancelled`` said so; the store is as it was.
        StoreError: the database refused; the store is as it was.
    """
    with _one_at_a_time, ProblemLog(store.folder / PROBLEMS_NAME) as problems:
        staged = store.folder / STAGED_NAME
        try:
            with explained(staged), _private_file(staged) as file:
                skipped = _stage(
                    folder,
                    list(walk(folder, exclude=exclude)),
                    file,
                    problems,
                    size_limit=size_limit,
                    progress=progress,
                    cancelled=cancelled,
                )
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


def _stage(
    folder: Path,
    found: Sequence[str | Problem],
    file: TextIO,
    problems: ProblemLog,
    *,
    size_limit: int,
    progress: Callable[[Progress], None],
    cancelled: Callable[[], bool],
) -> int:
    """Write the documents of all files to ``file``; return how many files were skipped."""
    skipped = documents = 0
    reported = 0.0
    for done, each in enumerate(found):
        if cancelled():
            raise CancelledError(
                "the import was stopped",
                where=str(folder),
                todo="The corpus is as it was before. Import again when you like.",
            )
        now = time.monotonic()
        if now - reported >= PROGRESS_SECONDS:
            reported = now
            progress(Progress(done, len(found), each if isinstance(each, str) else each.file))
        if isinstance(each, Problem):
            problems.add(each)
            skipped += 1
            continue
        source = read_source(folder.expanduser() / each, size_limit)
        if source.reason:
            problems.add(Problem(each, source.line, source.reason))
            skipped += source.text is None
        if source.text is not None:
            for document in split_file(each, source.text):
                file.write(staged_line(document))
                documents += 1
    if not documents:
        raise InputError(
            "no text files were found that git would not ignore",
            where=str(folder),
            todo="Give the folder that holds the code.",
        )
    progress(Progress(len(found), len(found)))
    return skipped
