"""Pairs with the grade that counts: people's where there is one, else the judge's score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from uuid import UUID

    from labels.exporting.export_records import ExportPlan

#: Several annotators: the median of their grades, the lower of the two middle ones.
_LABELS: Final = """
    SELECT pair_id, quantile_disc(grade, 0.5) AS grade,
        list(annotator ORDER BY annotator) AS annotators,
        list(grade ORDER BY annotator) AS grades,
        max(happened) AS labelled_at,
        CASE WHEN bool_and(action = 'confirm') THEN 'confirm' ELSE 'override' END AS action
    FROM current_labels GROUP BY pair_id
"""

_COLUMNS: Final = """
    query.text AS query,
    document.text AS positive,
    document.language AS language,
    document.path AS file_path,
    document.symbol AS func_name,
    coalesce(label.grade, seen.score) AS llm_score,
    seen.rationale AS score_reasoning,
    query.variation_of IS NOT NULL AS is_variation,
    query.variation_of AS original_query,
    query.kind AS query_kind,
    CASE WHEN label.grade IS NOT NULL THEN 'label' ELSE 'judge' END AS grade_source,
    label.action AS action,
    label.annotators AS annotators,
    label.grades AS grades,
    strftime(label.labelled_at, '%Y-%m-%dT%H:%M:%S.%fZ') AS labelled_at,
    seen.judge AS judge,
    seen.score AS judge_score,
    seen.distribution AS distribution,
    CAST(pair.id AS VARCHAR) AS pair,
    CAST(pair.query_id AS VARCHAR) AS query_id,
    CAST(pair.document_id AS VARCHAR) AS document_id
"""

EXPORTED_COLUMNS: Final = (
    "query, positive, language, file_path, func_name, llm_score, score_reasoning, is_variation,"
    " original_query, query_kind, grade_source, action, annotators, grades, labelled_at, judge,"
    " judge_score, distribution, pair"
)


def graded_pairs_sql(plan: ExportPlan, judge: UUID | None) -> str:
    """Return the query of all pairs that the plan takes, one row each, by query and document."""
    flagged = (
        " AND pair.id NOT IN (SELECT pair_id FROM standing_events WHERE action = 'flag')"
        if plan.without_flagged
        else ""
    )
    wanted = "label.grade" if plan.only_labelled else "coalesce(label.grade, seen.score)"
    return f"""
        WITH label AS ({_LABELS}), seen AS ({_seen_sql(judge)})
        SELECT {_COLUMNS}
        FROM db.pairs AS pair
        JOIN db.queries AS query ON query.id = pair.query_id
        JOIN db.documents AS document ON document.id = pair.document_id
        LEFT JOIN label ON label.pair_id = pair.id
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
