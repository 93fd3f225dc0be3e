"""Scored pairs from a file into the store: all of its good lines, or nothing."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.corpus.lookup import find_documents
from core.errors import InputError
from core.ids import utc_now
from core.jobs import Job
from core.problems import ProblemLog
from core.records import ImportReport, JudgeKind, Problem, Progress
from core.store.errors import explained
from core.text import storable
from labels.pairs.columns import choose_columns, columns_of
from labels.pairs.encodings import as_utf8, without_packing
from labels.pairs.files import (
    first_bytes,
    numbered_rows,
    readable_file,
    require_readable,
    spilled_file,
)
from labels.pairs.formats import READERS, choose_reader
from labels.pairs.staging import LineTooLongError, stage_lines
from labels.pairs.storing import resolve_places, score_conflicts, store_lines, unnamed_places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from core.store.database import Store
    from labels.pairs.formats import Reader
    from labels.pairs.storing import ScoreConflict


PROBLEMS_NAME: Final = "pair-import-problems.jsonl"
#: The steps of an import, as ``Progress.note`` names them.
STEPS: Final = ("lines", "places", "documents", "queries", "pairs", "judgments", "commit")
#: How much memory the database may take while it imports, in bytes.
MEMORY_LIMIT: Final = 2_000_000_000
_UNITS: Final = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
#: How much of a file is looked at to recognise its format.
_BEGINNING: Final = 1 << 16
_one_at_a_time: Final = threading.Lock()


def import_pairs(
    store: Store,
    path: Path,
    *,
    judge_name: str = "",
    judge_kind: JudgeKind = JudgeKind.IMPORTED,
    form: str = "",
    mapping: Mapping[str, str] | None = None,
    announce: Callable[[str], None] = lambda _: None,
    progress: Callable[[Progress], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> ImportReport:
    """Import documents, queries, pairs and judgments from a scored file, in one transaction.

    docs/formats.md lists the keys of a line. A line without code names a document of the corpus by
    ``file_path`` and ``func_name``. A line that rejudge exported has a ``grade_source``: its
    ``judge_score`` is imported, never the label in ``llm_score``.

    Importing a file again changes nothing. A changed score is another judgment, and the later one
    counts.

    Args:
        store: an open store. Opened with the file allowed, it needs no copy of the file.
        path: the file.
        judge_name: the judge of lines that name none; empty: the file's name without its ending.
        judge_kind: the kind of judges that the store does not know by name.
        form: the file's format, one of ``READERS``; empty: recognise it.
        mapping: columns of the file by our keys, where they have other names; see ``columns``.
        announce: called with a sentence on the columns that were guessed, before any is stored.
        progress: called as each step begins.
        cancelled: polled before each step; once it returns True, the import stops.

    Returns:
        Counts of lines: ``added`` are new pairs, ``updated`` known pairs with another judgment,
        ``skipped`` lines that could not be used. ``problems`` names those, and lines that were
        repaired or kept with a failed judgment instead of an invalid score.

    Raises:
        InputError: the file cannot be read, or no column can be the query or the code.
        CancelledError: the import was cancelled; the store is as it was.
        StoreError: the database refused; the store is as it was.
    """
    require_readable(store, path)
    job = Job(progress, cancelled, "the import", "Nothing of it was kept. Import the file again.")
    judge = storable(judge_name or Path(without_packing(path.name)).stem)
    request = _Request(store, path, judge, judge_kind, mapping or {}, announce, job)
    with _one_at_a_time, ExitStack() as spilled:
        source = path
        if not path.is_file():
            source = spilled.enter_context(spilled_file(store, "import-pipe"))
            with explained(source):
                READERS["jsonl"].function(store, path, source)
        with explained(path):
            source = as_utf8(store, source, spilled)
        reader = choose_reader(without_packing(path.name), first_bytes(source, _BEGINNING), form)
        if reader is READERS["jsonl"]:
            try:
                return _import(request, source, {})
            except LineTooLongError:
                pass
        converted = spilled.enter_context(spilled_file(store, "import.jsonl"))
        return _import(request, converted, _convert(request, reader, source, converted))


@dataclass(frozen=True, slots=True)
class _Request:
    store: Store
    path: Path
    judge_name: str
    judge_kind: JudgeKind
    mapping: Mapping[str, str]
    announce: Callable[[str], None]
    job: Job

    def column_names(self, source: Path) -> Mapping[str, str]:
        """Return the file's name for each key, and announce those that were guessed."""
        columns = choose_columns(self.path, columns_of(source), self.mapping)
        if columns.proposed:
            pairs = ",".join(f"{key}={name}" for key, name in columns.proposed.items())
            self.announce(f"Columns taken by their names: {pairs} (others: --map {pairs})")
        return columns.names

    def begin(self, step: str) -> None:
        self.job.step(STEPS.index(step), len(STEPS), step)


class _Findings:
    """Collects the problems of the file's lines and counts the skipped lines."""

    def __init__(self, path: Path, log: ProblemLog, unreadable: Mapping[int, str]) -> None:
        self._path = path
        self._log = log
        self._unreadable = unreadable
        self.skipped = 0

    def skip(self, line: int, reason: str) -> None:
        self.skipped += 1
        self.note(line, self._unreadable.get(line, reason))

    def note(self, line: int, reason: str) -> None:
        self._log.add(Problem(str(self._path), line, reason))


def _convert(request: _Request, reader: Reader, source: Path, target: Path) -> Mapping[int, str]:
    try:
        with explained(target):
            return reader.function(request.store, source, target)
    except InputError as error:
        raise InputError(error.what, where=str(request.path), todo=error.todo) from error


def _import(request: _Request, source: Path, unreadable: Mapping[int, str]) -> ImportReport:
    """Import ``source``: the file itself, or its lines converted to JSON Lines."""
    store, now = request.store, utc_now()
    names = request.column_names(source)
    with (
        ProblemLog(store.folder / PROBLEMS_NAME) as log,
        readable_file(store, source) as readable,
        spilled_file(store, "import-reread") as reread,
        _memory_limited(store),
        store.transaction() as cursor,
    ):
        findings = _Findings(request.path, log, unreadable)
        request.begin("lines")
        read = stage_lines(cursor, readable, reread, names, skip=findings.skip, note=findings.note)
        request.begin("places")
        documents = find_documents(store, unnamed_places(cursor))
        unknown = {row: (path, symbol) for row, path, symbol in resolve_places(cursor, documents)}
        for row, number, _ in numbered_rows(readable, unknown):
            place = "#".join(part for part in unknown[row] if part)
            findings.skip(number, f"no code, and the corpus has no {place}")
        counts = store_lines(
            cursor,
            judge_name=request.judge_name,
            judge_kind=request.judge_kind,
            now=now,
            begin=request.begin,
        )
        _note_conflicts(readable, score_conflicts(cursor), findings)
        request.begin("commit")
    used = read - findings.skipped
    return ImportReport(
        read=read,
        added=counts.pairs,
        updated=counts.judged_again,
        unchanged=used - counts.pairs - counts.judged_again,
        skipped=findings.skipped,
        failed_judgments=counts.failed,
        problems=tuple(sorted(log.shown, key=lambda problem: problem.line)),
        problems_total=log.total,
        report_file=log.report_file,
    )


def _note_conflicts(source: Path, conflicts: Sequence[ScoreConflict], findings: _Findings) -> None:
    rows = {row for conflict in conflicts for row in (conflict.row, conflict.earlier_row)}
    numbers = {row: number for row, number, _ in numbered_rows(source, sorted(rows))}
    for conflict in conflicts:
        findings.note(
            numbers[conflict.row],
            f"the same pair has the score {conflict.earlier_score} on line"
            f" {numbers[conflict.earlier_row]}; this later score, {conflict.score}, counts",
        )


@contextmanager
def _memory_limited(store: Store) -> Iterator[None]:
    """Limit the database's memory; what needs more goes to disk."""
    number, unit = store.read("SELECT current_setting('memory_limit')")[0][0].split()
    if float(number) * _UNITS.get(unit, 1) <= MEMORY_LIMIT:
        yield
        return
    with store.transaction() as cursor:
        cursor.execute(f"SET GLOBAL memory_limit = '{MEMORY_LIMIT // 1_000_000} MB'")
    try:
        yield
    finally:
        with store.transaction() as cursor:
            cursor.execute("RESET GLOBAL memory_limit")
