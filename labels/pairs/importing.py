"""Scored pairs from a JSON Lines file into the store: all of its good lines, or nothing."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.corpus.lookup import find_documents
from core.errors import CancelledError
from core.ids import utc_now
from core.problems import ProblemLog
from core.records import ImportReport, JudgeKind, Problem, Progress
from core.store.errors import explained
from core.text import storable
from labels.pairs.staging import (
    LineTooLongError,
    check_file,
    copy_without_long_lines,
    numbered_rows,
    readable_file,
    spilled_file,
    stage_lines,
)
from labels.pairs.storing import resolve_places, store_lines, unnamed_places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from core.store.database import Store


PROBLEMS_NAME: Final = "pair-import-problems.jsonl"
#: How much memory the database may take while it imports, in bytes.
MEMORY_LIMIT: Final = 2_000_000_000
_UNITS: Final = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
#: The steps of an import, as ``Progress.note`` names them.
STEPS: Final = ("lines", "places", "documents", "queries", "pairs", "judgments", "commit")
_one_at_a_time: Final = threading.Lock()


def import_pairs(
    store: Store,
    path: Path,
    *,
    judge_name: str = "",
    judge_kind: JudgeKind = JudgeKind.IMPORTED,
    progress: Callable[[Progress], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> ImportReport:
    """Read a scored file: documents, queries, pairs and judgments, in one transaction.

    Each line is a JSON object with ``query`` and ``positive`` (the code) and any of ``language``,
    ``file_path``, ``func_name``, ``llm_score``, ``score_reasoning``, ``is_variation``,
    ``original_query``, ``query_kind``, ``judge``, ``distribution``. A line without code names a
    document of the corpus by ``file_path`` and ``func_name``. A line that rejudge exported has a
    ``grade_source``: its ``judge_score`` is taken, never the label that stands in ``llm_score``.

    Reading the same file again changes nothing; a changed score is another judgment, and the
    later one counts.

    Args:
        store: an open store. Opened with the file allowed, no copy of it is needed.
        path: the file.
        judge_name: the judge of lines that name none; the file's stem when empty.
        judge_kind: of judges that the store does not know by name.
        progress: called as each step begins.
        cancelled: asked before each step; once it is true, the import stops.

    Returns:
        Counts of lines: ``added`` are new pairs, ``updated`` known pairs with another judgment,
        ``skipped`` lines that could not be used. ``problems`` names those, and lines that were
        kept with a repair or with a failed judgment for a score that is none.

    Raises:
        InputError: the file is missing, a folder or cannot be read.
        CancelledError: ``cancelled`` said so; the store is as it was.
        StoreError: the database refused; the store is as it was.
    """
    check_file(store, path)
    judge = storable(judge_name or path.stem)
    job = _Job(store, path, judge, judge_kind, _Steps(path, progress, cancelled))
    with _one_at_a_time:
        if path.is_file():
            try:
                return _import(job, path, {})
            except LineTooLongError:
                pass
        with spilled_file(store, "import-copy.jsonl") as copy:
            with explained(copy):
                too_long = copy_without_long_lines(path, copy)
            return _import(job, copy, too_long)


@dataclass(frozen=True, slots=True)
class _Steps:
    """Tells how far the import is, and stops it between two steps."""

    path: Path
    progress: Callable[[Progress], None]
    cancelled: Callable[[], bool]

    def begin(self, name: str) -> None:
        if self.cancelled():
            raise CancelledError(
                "the import was stopped",
                where=str(self.path),
                todo="Nothing of it was kept. Import again when you like.",
            )
        self.progress(Progress(STEPS.index(name), len(STEPS), name))


@dataclass(frozen=True, slots=True)
class _Job:
    store: Store
    path: Path
    judge_name: str
    judge_kind: JudgeKind
    steps: _Steps


class _Findings:
    """Collects what is wrong with the file's lines, and counts the lines that it costs."""

    def __init__(self, path: Path, log: ProblemLog, too_long: Mapping[int, str]) -> None:
        self._path = path
        self._log = log
        self._too_long = too_long
        self.skipped = 0

    def skip(self, line: int, reason: str) -> None:
        self.skipped += 1
        self.note(line, self._too_long.get(line, reason))

    def note(self, line: int, reason: str) -> None:
        self._log.add(Problem(str(self._path), line, reason))


def _import(job: _Job, source: Path, too_long: Mapping[int, str]) -> ImportReport:
    """Import ``source``, the file itself or a copy of it, of which some lines were too long."""
    store, now = job.store, utc_now()
    with (
        ProblemLog(store.folder / PROBLEMS_NAME) as log,
        readable_file(store, source) as readable,
        spilled_file(store, "import-second-look.jsonl") as second_look,
        _memory_limited(store),
        store.transaction() as cursor,
    ):
        findings = _Findings(job.path, log, too_long)
        job.steps.begin("lines")
        read = stage_lines(cursor, readable, second_look, skip=findings.skip, note=findings.note)
        job.steps.begin("places")
        documents = find_documents(store, unnamed_places(cursor))
        unknown = {row: (path, symbol) for row, path, symbol in resolve_places(cursor, documents)}
        for row, number, _ in numbered_rows(readable, unknown):
            place = "#".join(part for part in unknown[row] if part)
            findings.skip(number, f"no code, and the corpus has no {place}")
        counts = store_lines(
            cursor,
            judge_name=job.judge_name,
            judge_kind=job.judge_kind,
            now=now,
            between=job.steps.begin,
        )
        job.steps.begin("commit")
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


@contextmanager
def _memory_limited(store: Store) -> Iterator[None]:
    """Let the database take no more memory than the limit; what is more goes to disk."""
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
