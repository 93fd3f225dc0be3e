"""The grade of every pair, and why some have none: done by the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from train.training_set.records import GradeSource
from train.training_set.summary import LeftOutReason

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from duckdb import DuckDBPyConnection

    from train.training_set.plan import TrainingSetPlan

#: The variance of a grade about which nothing is known: uniform on 1 to 5.
UNKNOWN_VARIANCE: Final = 2.0

_LABELS: Final = """
    SELECT pair_id, avg(grade) AS grade, var_pop(grade) AS variance
    FROM deciding_labels GROUP BY pair_id
"""
_CALIBRATED: Final = """
    SELECT pair_id, least(5, greatest(1, expected)) AS grade,
        p1 + 4 * p2 + 9 * p3 + 16 * p4 + 25 * p5 - (p1 + 2 * p2 + 3 * p3 + 4 * p4 + 5 * p5) ** 2
            AS variance
    FROM current_calibrated_grades
"""


def grade_pairs(cursor: DuckDBPyConnection, plan: TrainingSetPlan, judges: Sequence[UUID]) -> None:
    """Make the temporary table ``graded``, a row for each pair of the store.

    ``source``, ``grade`` and ``weight`` are a person's label where there is one (several
    annotators: the adjudicated one, else their mean, as in the view ``best_grades`` and in
    exports), else the calibrated
    grade, else, if the plan asks for it, a judge's raw score. ``left_out`` is a
    ``LeftOutReason`` or NULL.

    The weight of the first two is the grade's certainty, ``1 - variance / 2``, not below 0: 1 where
    one person graded, or several alike, or a calibration is sure; 0 where the grade varies as much
    as one drawn from 1 to 5 at random, whose variance is 2.

    Args:
        cursor: of a snapshot of the store.
        plan: which grades to take.
        judges: whose raw scores stand in; of several that scored a pair the first counts.
    """
    score = "judged.score" if plan.judge_scores else "NULL"
    scored = LeftOutReason.OTHER_JUDGE if plan.judge_scores else LeftOutReason.SCORE_ONLY
    cursor.execute(
        f"""
        CREATE TEMP TABLE graded AS
        WITH label AS ({_LABELS}), calibrated AS ({_CALIBRATED}),
        judged AS (
            SELECT pair_id, arg_min(score, list_position(CAST($1 AS UUID[]), judge_id)) AS score
            FROM current_judgments WHERE judge_id IN (SELECT unnest(CAST($1 AS UUID[])))
            GROUP BY pair_id),
        ruled AS (SELECT DISTINCT pair_id FROM current_judgments),
        failed AS (SELECT DISTINCT pair_id FROM open_failures),
        flagged AS (SELECT DISTINCT pair_id FROM standing_events WHERE action = 'flag'),
        best AS (
            SELECT pair.id, pair.query_id, pair.document_id,
                coalesce(label.grade, calibrated.grade, {score}) AS grade,
                CASE WHEN label.grade IS NOT NULL THEN '{GradeSource.LABEL}'
                    WHEN calibrated.grade IS NOT NULL THEN '{GradeSource.CALIBRATED}'
                    WHEN {score} IS NOT NULL THEN '{GradeSource.JUDGE}' END AS source,
                CASE WHEN label.grade IS NULL AND calibrated.grade IS NULL THEN $2
                    ELSE greatest(0, 1 - CASE WHEN label.grade IS NOT NULL THEN label.variance
                        ELSE calibrated.variance END / {UNKNOWN_VARIANCE}) END AS weight
            FROM db.pairs AS pair
            LEFT JOIN label ON label.pair_id = pair.id
            LEFT JOIN calibrated ON calibrated.pair_id = pair.id
            LEFT JOIN judged ON judged.pair_id = pair.id)
        SELECT best.query_id, best.document_id, CAST(best.grade AS DOUBLE) AS grade, best.source,
            CAST(best.weight AS DOUBLE) AS weight,
            CASE
                WHEN flagged.pair_id IS NOT NULL THEN '{LeftOutReason.FLAGGED.name}'
                WHEN trim(query.text, $4) = '' OR trim(document.text, $4) = ''
                    THEN '{LeftOutReason.BLANK.name}'
                WHEN best.grade IS NULL THEN CASE
                    WHEN ruled.pair_id IS NOT NULL THEN '{scored.name}'
                    WHEN failed.pair_id IS NOT NULL THEN '{LeftOutReason.FAILED.name}'
                    ELSE '{LeftOutReason.UNGRADED.name}' END
                WHEN best.weight <= 0
                    OR (best.weight < $3 AND best.source <> '{GradeSource.JUDGE}')
                    THEN '{LeftOutReason.UNCERTAIN.name}'
            END AS left_out
        FROM best
        JOIN db.queries AS query ON query.id = best.query_id
        JOIN db.documents AS document ON document.id = best.document_id
        LEFT JOIN ruled ON ruled.pair_id = best.id
        LEFT JOIN failed ON failed.pair_id = best.id
        LEFT JOIN flagged ON flagged.pair_id = best.id
        """,
        [list(judges), plan.judge_weight, plan.least_weight, " \t\r\n\f\v"],
    )


def left_out_counts(cursor: DuckDBPyConnection) -> dict[LeftOutReason, int]:
    """Return how many rows of ``graded`` are left out, by reason."""
    rows = cursor.execute(
        "SELECT left_out, count(*) FROM graded WHERE left_out IS NOT NULL GROUP BY left_out"
    ).fetchall()
    return {LeftOutReason[name]: count for name, count in rows}
