"""Pairs with the grade that counts: people's, else a calibrated one if asked for, else a score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from labels.exporting.export_records import Grades

if TYPE_CHECKING:
    from uuid import UUID

    from labels.exporting.export_records import ExportPlan

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
