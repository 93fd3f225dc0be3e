"""Writing pairs with their grades to a file.

What an export is asked for, and what came of it.

Pairs with the grade that counts: people's, else a calibrated one if asked for, else a score.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from core.errors import InputError
from core.files import replacing
from core.store.errors import explained
from core.store.sql import literal
from labels.agreement.records import OPPOSITE
from labels.judges.choosing import audited_judge

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from uuid import UUID

    from core.store.database import Store


class ExportFormat(StrEnum):
    """The formats, by the names that the command line takes."""

    JSONL = "jsonl"
    QRELS = "qrels"
    PARQUET = "parquet"
    CSV = "csv"


class Grades(StrEnum):
    """What stands in where nobody graded.

    ``JUDGE``: the judge's own score, as in the file that was read in. ``BEST``: the calibrated
    grade, and the judge's score where there is none.
    """

    JUDGE = "judge"
    BEST = "best"


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """Which pairs to write.

    ``judge_name`` is the judge whose score stands in where nobody graded; empty: the one that is
    audited. ``only_labelled`` leaves those pairs out, ``without_flagged`` the flagged ones.
    """

    judge_name: str = ""
    only_labelled: bool = False
    without_flagged: bool = False
    grades: Grades = Grades.JUDGE


@dataclass(frozen=True, slots=True)
class ExportReport:
    """``written`` counts lines or rows, of which the three ``from_...`` say whence.

    For qrels those count pairs, of which several may make one line. ``left_out`` pairs have neither
    a grade nor a score, or the plan leaves them out. ``notices`` are sentences to be told.
    """

    written: int
    from_labels: int
    from_calibration: int
    from_judge: int
    left_out: int
    notices: tuple[str, ...] = ()


#: Who graded what. The grade that comes of it is that of the view ``best_grades``.
_LABELS: Final = """
    SELECT own.pair_id, list(own.annotator ORDER BY own.annotator) AS annotators,
        list(own.grade ORDER BY own.annotator) AS grades,
        CASE WHEN count(settled.pair_id) = 0 THEN max(own.grade) - min(own.grade)
            ELSE 0 END AS apart,
        coalesce(any_value(settled.happened), max(own.happened)) AS labelled_at,
        coalesce(any_value(settled.action),
            CASE WHEN bool_and(own.action = 'confirm') THEN 'confirm'
            ELSE 'override' END) AS action,
        any_value(settled.annotator) AS adjudicated_by
    FROM current_labels AS own
    LEFT JOIN adjudicated_labels AS settled ON settled.pair_id = own.pair_id
    GROUP BY own.pair_id
"""
#: What the latest calibration says, whether it counts or not.
_CALIBRATED: Final = """
    SELECT calibrated.pair_id, CAST(calibration.id AS VARCHAR) AS calibration, calibration.method,
        [p1, p2, p3, p4, p5] AS distribution, calibrated.low, calibrated.high
    FROM current_calibrated_grades AS calibrated
    JOIN db.calibrations AS calibration ON calibration.id = calibrated.calibration_id
"""
_COLUMNS: Final = """
    query.text AS query,
    document.text AS positive,
    document.language AS language,
    document.path AS file_path,
    document.symbol AS func_name,
    CAST(coalesce(best.grade, seen.score) AS DOUBLE) AS llm_score,
    seen.rationale AS score_reasoning,
    query.variation_of IS NOT NULL AS is_variation,
    query.variation_of AS original_query,
    query.kind AS query_kind,
    coalesce(best.source, 'judge') AS grade_source,
    label.action AS action,
    label.annotators AS annotators,
    label.grades AS grades,
    label.adjudicated_by AS adjudicated_by,
    strftime(label.labelled_at, '%Y-%m-%dT%H:%M:%S.%fZ') AS labelled_at,
    seen.judge AS judge,
    seen.score AS judge_score,
    seen.distribution AS distribution,
    CASE WHEN best.source = 'calibrated' THEN told.calibration END AS calibration,
    CASE WHEN best.source = 'calibrated' THEN told.method END AS calibration_method,
    CASE WHEN best.source = 'calibrated' THEN told.distribution END AS grade_distribution,
    CASE WHEN best.source = 'calibrated' THEN told.low END AS grade_low,
    CASE WHEN best.source = 'calibrated' THEN told.high END AS grade_high,
    CAST(pair.id AS VARCHAR) AS pair,
    CAST(pair.query_id AS VARCHAR) AS query_id,
    CAST(pair.document_id AS VARCHAR) AS document_id,
    label.apart AS apart,
    best.grade IS NULL AND told.pair_id IS NOT NULL AS passed_over
"""
EXPORTED_COLUMNS: Final = (
    "query, positive, language, file_path, func_name, llm_score, score_reasoning, is_variation,"
    " original_query, query_kind, grade_source, action, annotators, grades,"
    " adjudicated_by, labelled_at, judge,"
    " judge_score, distribution, calibration, calibration_method, grade_distribution, grade_low,"
    " grade_high, pair"
)


def graded_pairs_sql(plan: ExportPlan, judge: UUID | None) -> str:
    """Return the query of all pairs that the plan takes, one row each, by query and document.

    Beside ``EXPORTED_COLUMNS`` a row has the ids of its query and document; ``apart``, how far
    people's grades of it lie apart, 0 once it is adjudicated; and ``passed_over``, whether a
    calibrated grade that the plan does not want lies ready.
    """
    flagged = (
        " AND pair.id NOT IN (SELECT pair_id FROM standing_events WHERE action = 'flag')"
        if plan.without_flagged
        else ""
    )
    wanted = "label.pair_id" if plan.only_labelled else "coalesce(best.grade, seen.score)"
    counting = "" if plan.grades is Grades.BEST else " WHERE source = 'label'"
    return f"""
        WITH label AS ({_LABELS}), told AS ({_CALIBRATED}), seen AS ({_seen_sql(judge)}),
            best AS (SELECT pair_id, grade, source FROM best_grades{counting})
        SELECT {_COLUMNS}
        FROM db.pairs AS pair
        JOIN db.queries AS query ON query.id = pair.query_id
        JOIN db.documents AS document ON document.id = pair.document_id
        LEFT JOIN best ON best.pair_id = pair.id
        LEFT JOIN label ON label.pair_id = pair.id
        LEFT JOIN told ON told.pair_id = pair.id
        LEFT JOIN seen ON seen.pair_id = pair.id
        WHERE {wanted} IS NOT NULL{flagged}
        ORDER BY query.text, document.path, document.start_line, pair.id
    """


def _seen_sql(judge: UUID | None) -> str:
    chosen = f"judgment.judge_id = CAST('{judge}' AS UUID)" if judge else "FALSE"
    return f"""
        SELECT judgment.pair_id, judgment.score, judgment.rationale, judge.name AS judge,
            CASE WHEN p1 IS NOT NULL THEN [p1, p2, p3, p4, p5] END AS distribution
        FROM current_judgments AS judgment JOIN db.judges AS judge ON judge.id = judgment.judge_id
        WHERE {chosen}
    """


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
    _check_target(target)
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
    with explained(store.folder), _spill_file(store, target.suffix) as path:
        store.read(f"COPY ({query}) TO {literal(str(path))} ({options})")
        _put(path, target)


def _check_target(target: Path) -> None:
    if target.is_dir():
        raise InputError(
            "the target is a folder", where=str(target), todo="Give the path of a file."
        )
    if not target.parent.is_dir():
        raise InputError(
            "there is no such folder", where=str(target.parent), todo="Make it, then try again."
        )


@contextmanager
def _spill_file(store: Store, suffix: str) -> Iterator[Path]:
    """Give a path inside the workspace, where the database may write; removed afterwards."""
    folder = store.folder.resolve() / "spill"
    folder.mkdir(exist_ok=True)
    path = folder / f"export-{uuid4().hex}{suffix}"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _put(source: Path, target: Path) -> None:
    try:
        with replacing(target) as beside:
            shutil.copyfile(source, beside)
    except OSError as error:
        raise InputError(
            f"the file was not written: {error.strerror}",
            where=str(target),
            todo="Make room, or choose a folder that you can write to; nothing was changed.",
        ) from error
