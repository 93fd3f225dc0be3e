"""Writing pairs with their grades to a file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from core.store import literal
from core.store_errors import explained
from labels.agreement.records import OPPOSITE
from labels.audited_judge import audited_judge
from labels.exporting.export_records import ExportFormat, ExportPlan, ExportReport, Grades
from labels.exporting.graded_pairs import EXPORTED_COLUMNS, graded_pairs_sql
from labels.exporting.whole_files import check_target, put, spilled

if TYPE_CHECKING:
    from pathlib import Path

    from core.store import Store

#: How the database writes each format. One text a line, as it is, for what has no format.
_OPTIONS: Final = {
    ExportFormat.JSONL: "FORMAT json",
    ExportFormat.PARQUET: "FORMAT parquet, COMPRESSION zstd",
    ExportFormat.CSV: "FORMAT csv, HEADER true, FORCE_QUOTE *",
}
_PLAIN_LINES: Final = "FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\\x01'"
QUERIES_ENDING: Final = ".queries.tsv"

#: A whole grade as 4, not as 4.0: readers of the training file may want whole numbers.
_PLAIN_GRADE: Final = (
    "CASE WHEN llm_score = trunc(llm_score) THEN CAST(CAST(llm_score AS BIGINT) AS VARCHAR)"
    " ELSE CAST(llm_score AS VARCHAR) END"
)
_GRADES: Final = {
    ExportFormat.JSONL: f"CAST({_PLAIN_GRADE} AS JSON)",
    ExportFormat.CSV: _PLAIN_GRADE,
    ExportFormat.PARQUET: "llm_score",
}

#: Grade 1 is irrelevant, and 0 is what evaluation tools take for that. They take whole
#: numbers; of a half the lower, so that no document counts as more than people can vouch for.
_QRELS: Final = """
    SELECT query_id || ' 0 ' || found || ' ' || (CAST(ceil(max(llm_score) - 0.5) AS INTEGER) - 1)
        AS line FROM (
        SELECT query_id, llm_score,
            regexp_replace(CASE WHEN file_path = '' THEN document_id ELSE file_path END,
                '[\\s\\x00-\\x1f]', '%20', 'g') AS found
        FROM graded)
    GROUP BY query_id, found ORDER BY query_id, found
"""
_QUERIES: Final = """
    SELECT DISTINCT query_id || chr(9) || regexp_replace(query, '[\\s\\x00-\\x1f]+', ' ', 'g')
        AS line
    FROM graded ORDER BY line
"""


def export(
    store: Store, form: ExportFormat, target: Path, plan: ExportPlan | None = None
) -> ExportReport:
    """Write every pair that has a grade or a score; ``target`` is replaced when all is written.

    ``jsonl``, ``parquet`` and ``csv`` hold a row for each pair, in the columns of the users'
    training file (``llm_score`` is the grade that counts) and columns that say where it came
    from. ``qrels`` holds a line for each query and path, with the best grade, made whole, less
    one, so that an irrelevant document has 0; the queries' texts lie beside it in ``target`` +
    ``.queries.tsv``.

    Raises:
        InputError: no judge has the plan's name, or the target cannot be written.
        StoreError: the database refused. Either way what was at ``target`` is as it was.
    """
    chosen = plan or ExportPlan()
    check_target(target)
    judge = audited_judge(store, chosen.judge_name)
    rows = f"WITH graded AS MATERIALIZED ({graded_pairs_sql(chosen, judge.id if judge else None)})"
    report = _report(store, rows, chosen)
    if form is ExportFormat.QRELS:
        lines = _write_lines(store, f"{rows} {_QRELS}", target)
        _write_lines(store, f"{rows} {_QUERIES}", target.with_name(target.name + QUERIES_ENDING))
        return replace(report, written=lines)
    columns = f"SELECT {EXPORTED_COLUMNS} FROM graded"
    written = f"{rows} SELECT * REPLACE ({_GRADES[form]} AS llm_score) FROM ({columns})"
    _write(store, written, _OPTIONS[form], target)
    return report


def _report(store: Store, rows: str, plan: ExportPlan) -> ExportReport:
    """Return what a format with a row for each pair writes."""
    ((labels, calibrated, scores, opposed, passed_over),) = store.read(
        f"{rows} SELECT count(*) FILTER (grade_source = 'label'),"
        " count(*) FILTER (grade_source = 'calibrated'), count(*) FILTER (grade_source = 'judge'),"
        " count(*) FILTER (apart >= $1), count(*) FILTER (passed_over) FROM graded",
        [OPPOSITE],
    )
    ((pairs, calibrations),) = store.read(
        "SELECT (SELECT count(*) FROM db.pairs), (SELECT count(*) FROM db.calibrations)"
    )
    written = int(labels) + int(calibrated) + int(scores)
    missing = plan.grades is Grades.BEST and not calibrations
    return ExportReport(
        written=written,
        from_labels=int(labels),
        from_calibration=int(calibrated),
        from_judge=int(scores),
        left_out=int(pairs) - written,
        notices=_notices(int(opposed), int(passed_over), missing=missing),
    )


def _notices(opposed: int, passed_over: int, *, missing: bool) -> tuple[str, ...]:
    have = "pair has" if opposed == 1 else "pairs have"
    told = (
        (
            opposed,
            f"{opposed:,} {have} grades of two people {OPPOSITE} or more apart, averaged here.",
        ),
        (
            passed_over,
            f"{passed_over:,} pairs with a judge's score have a calibrated grade: --grades best.",
        ),
        (missing, "There is no calibration yet, so judges' scores stand in: rejudge calibrate."),
    )
    return tuple(sentence for counted, sentence in told if counted)


def _write_lines(store: Store, query: str, target: Path) -> int:
    _write(store, query, _PLAIN_LINES, target)
    with target.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def _write(store: Store, query: str, options: str, target: Path) -> None:
    with explained(store.folder), spilled(store, target.suffix) as path:
        store.read(f"COPY ({query}) TO {literal(str(path))} ({options})")
        put(path, target)
