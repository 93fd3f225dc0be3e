"""Export of pairs with the grade that counts: people's, else a calibrated one, else a score.

``WRITERS`` has the formats. A new format is a function and an entry there, and a row in
docs/formats.md.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from core.files import replacing
from core.store.errors import explained
from core.store.sql import literal
from labels.agreement.records import OPPOSITE
from labels.judges.choosing import audited_judge
from labels.pairs.files import PLAIN_LINES, spilled_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from uuid import UUID

    from core.store.database import Store


class Grades(StrEnum):
    """The grade of a pair that nobody labelled.

    ``JUDGE``: the judge's own score, as in the imported file. ``BEST``: the calibrated grade, or
    the judge's score where there is none.
    """

    JUDGE = "judge"
    BEST = "best"


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """Which pairs to write, and with which grades.

    ``judge_name`` is the judge whose scores are written; empty: the audited judge.
    ``only_labelled`` leaves out pairs that nobody labelled, ``without_flagged`` flagged pairs.
    """

    judge_name: str = ""
    only_labelled: bool = False
    without_flagged: bool = False
    grades: Grades = Grades.JUDGE


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export did.

    ``written`` counts lines or rows. The three ``from_...`` count pairs by the source of their
    grade; in qrels several pairs may share a line. ``left_out`` pairs have neither a grade nor a
    score, or the plan excludes them. ``notices`` are sentences for the user.
    """

    written: int
    from_labels: int
    from_calibration: int
    from_judge: int
    left_out: int
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Writer:
    """A format of ``rejudge export``.

    Attributes:
        name: what the command line calls it.
        description: what the file holds, for help and documentation.
        function: writes the file that replaces the target, given the store, the target and the SQL
            ``WITH graded AS (...)``, to which it adds a SELECT; returns the number of lines or rows
            written. ``graded`` has the columns of ``graded_pairs_sql``, in order.
    """

    name: str
    description: str
    function: Callable[[Store, str, Path], int]


def export(store: Store, form: str, target: Path, plan: ExportPlan | None = None) -> ExportReport:
    """Write every pair that has a grade or a score; ``target`` is replaced when all is written.

    Args:
        store: the store.
        form: a format of ``WRITERS``.
        target: the file to write.
        plan: which pairs to write; None: all, with judges' scores where nobody labelled.

    Raises:
        InputError: there is no such format or judge, or the target cannot be written.
        StoreError: the database refused. In any case ``target`` is as it was.
    """
    chosen = plan or ExportPlan()
    writer = writer_named(form)
    _check_target(target)
    judge = audited_judge(store, chosen.judge_name)
    graded = (
        f"WITH graded AS MATERIALIZED ({graded_pairs_sql(chosen, judge.id if judge else None)})"
    )
    report = _report(store, graded, chosen)
    return replace(report, written=writer.function(store, graded, target))


def writer_named(name: str) -> Writer:
    """Return the format with this name.

    Raises:
        InputError: there is none.
    """
    if name not in WRITERS:
        raise InputError(
            f"there is no export format {name}", todo=f"Formats: {', '.join(WRITERS)}."
        )
    return WRITERS[name]


def format_rows() -> list[tuple[str, str]]:
    """Return the name and the description of each format, for ``rejudge export --list``."""
    return [(writer.name, writer.description) for writer in WRITERS.values()]


#: People's labels of each pair. The grade that results from them is in the view ``best_grades``.
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
#: The latest calibration's grades, whether the plan uses them or not.
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
    CASE WHEN best.source = 'calibrated' THEN calibrated.calibration END AS calibration,
    CASE WHEN best.source = 'calibrated' THEN calibrated.method END AS calibration_method,
    CASE WHEN best.source = 'calibrated' THEN calibrated.distribution END AS grade_distribution,
    CASE WHEN best.source = 'calibrated' THEN calibrated.low END AS grade_low,
    CASE WHEN best.source = 'calibrated' THEN calibrated.high END AS grade_high,
    CAST(pair.id AS VARCHAR) AS pair,
    CAST(pair.query_id AS VARCHAR) AS query_id,
    CAST(pair.document_id AS VARCHAR) AS document_id,
    label.apart AS apart,
    best.grade IS NULL AND calibrated.pair_id IS NOT NULL AS passed_over
"""
EXPORTED_COLUMNS: Final = (
    "query, positive, language, file_path, func_name, llm_score, score_reasoning, is_variation,"
    " original_query, query_kind, grade_source, action, annotators, grades,"
    " adjudicated_by, labelled_at, judge,"
    " judge_score, distribution, calibration, calibration_method, grade_distribution, grade_low,"
    " grade_high, pair"
)


def graded_pairs_sql(plan: ExportPlan, judge: UUID | None) -> str:
    """Return the SELECT of the plan's pairs, one row a pair, ordered by query and document.

    Besides ``EXPORTED_COLUMNS`` a row has the ids of its query and document; ``apart``, the
    distance between people's highest and lowest grade, 0 once adjudicated; and ``passed_over``,
    whether there is a calibrated grade that the plan does not use.
    """
    flagged = (
        " AND pair.id NOT IN (SELECT pair_id FROM standing_events WHERE action = 'flag')"
        if plan.without_flagged
        else ""
    )
    wanted = "label.pair_id" if plan.only_labelled else "coalesce(best.grade, seen.score)"
    counting = "" if plan.grades is Grades.BEST else " WHERE source = 'label'"
    return f"""
        WITH label AS ({_LABELS}), calibrated AS ({_CALIBRATED}), seen AS ({_seen_sql(judge)}),
            best AS (SELECT pair_id, grade, source FROM best_grades{counting})
        SELECT {_COLUMNS}
        FROM db.pairs AS pair
        JOIN db.queries AS query ON query.id = pair.query_id
        JOIN db.documents AS document ON document.id = pair.document_id
        LEFT JOIN best ON best.pair_id = pair.id
        LEFT JOIN label ON label.pair_id = pair.id
        LEFT JOIN calibrated ON calibrated.pair_id = pair.id
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


QUERIES_ENDING: Final = ".queries.tsv"
#: A whole grade as 4, not as 4.0: readers of the training file may want whole numbers.
_PLAIN_GRADE: Final = (
    "CASE WHEN llm_score = trunc(llm_score) THEN CAST(CAST(llm_score AS BIGINT) AS VARCHAR)"
    " ELSE CAST(llm_score AS VARCHAR) END"
)
#: Evaluation tools expect 0 for irrelevant (our grade 1) and whole numbers. Halves are rounded
#: down, so that no document gets more than people gave it.
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


def _write_jsonl(store: Store, graded: str, target: Path) -> int:
    return _write_rows(store, graded, f"CAST({_PLAIN_GRADE} AS JSON)", target, "FORMAT json")


def _write_parquet(store: Store, graded: str, target: Path) -> int:
    return _write_rows(store, graded, "llm_score", target, "FORMAT parquet, COMPRESSION zstd")


def _write_csv(store: Store, graded: str, target: Path) -> int:
    return _write_rows(
        store, graded, _PLAIN_GRADE, target, "FORMAT csv, HEADER true, FORCE_QUOTE *"
    )


def _write_rows(store: Store, graded: str, grade: str, target: Path, options: str) -> int:
    columns = f"SELECT {EXPORTED_COLUMNS} FROM graded"
    return _copy(
        store, f"{graded} SELECT * REPLACE ({grade} AS llm_score) FROM ({columns})", target, options
    )


def _write_qrels(store: Store, graded: str, target: Path) -> int:
    """Write TREC relevance judgments, and the texts of the queries beside them."""
    written = _copy(store, f"{graded} {_QRELS}", target, PLAIN_LINES)
    queries = target.with_name(target.name + QUERIES_ENDING)
    _copy(store, f"{graded} {_QUERIES}", queries, PLAIN_LINES)
    return written


def _copy(store: Store, query: str, target: Path, options: str) -> int:
    """Have the database write a file, put it at the target, and return its number of rows."""
    with explained(store.folder), spilled_file(store, f"export{target.suffix}") as path:
        ((rows,),) = store.read(f"COPY ({query}) TO {literal(str(path))} ({options})")
        _put(path, target)
    return int(rows)


WRITERS: Final[dict[str, Writer]] = {
    writer.name: writer
    for writer in (
        Writer("jsonl", "JSON Lines, one object for each pair", _write_jsonl),
        Writer("qrels", "TREC relevance judgments, with the queries beside them", _write_qrels),
        Writer("parquet", "Parquet, one row for each pair", _write_parquet),
        Writer("csv", "CSV with a header, one row for each pair", _write_csv),
    )
}


def _report(store: Store, rows: str, plan: ExportPlan) -> ExportReport:
    """Count the pairs by the source of their grade."""
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
    sentences = (
        (
            opposed,
            f"{opposed:,} {have} grades of two people {OPPOSITE} or more apart, averaged here.",
        ),
        (
            passed_over,
            f"{passed_over:,} pairs with a judge's score have a calibrated grade: --grades best.",
        ),
        (missing, "There is no calibration yet, so judges' scores are written: rejudge calibrate."),
    )
    return tuple(sentence for counted, sentence in sentences if counted)


def _check_target(target: Path) -> None:
    if target.is_dir():
        raise InputError(
            "the target is a folder", where=str(target), todo="Give the path of a file."
        )
    if not target.parent.is_dir():
        raise InputError(
            "there is no such folder", where=str(target.parent), todo="Make it, then try again."
        )


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
