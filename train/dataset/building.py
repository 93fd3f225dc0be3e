"""Building a training set from a snapshot of the store."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from core.jobs import Job
from core.records import JudgeKind
from core.store.tables import all_judges
from labels.judges.choosing import audited_judge, scored_pairs
from train.dataset.keywords import KeywordSource, add_keyword_pairs
from train.dataset.queries import graded_queries, select_queries, spec_guard
from train.dataset.records import GradeSource, Split, TrainingDocument, TrainingSetDraft
from train.dataset.summary import LeftOutReason, summarise

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from duckdb import DuckDBPyConnection

    from core.records import Judge
    from core.store.database import Store
    from train.dataset.queries import SelectedQueries
    from train.dataset.records import TrainingQuery, TrainingSet, TrainingSetPlan
    from train.dataset.summary import TrainingSetSummary


_PAGE: Final = 5_000


def build_training_set(
    store: Store, plan: TrainingSetPlan, job: Job | None = None
) -> tuple[TrainingSet, TrainingSetSummary]:
    """Return the training set that a plan makes of the store, and its summary.

    The same store, plan and version of rejudge give the same set. ``require_enough`` checks that it
    is enough to train on.

    Args:
        store: read as it is at the start; nothing is written.
        plan: what to take.
        job: gets the progress in queries, documents and pairs; may cancel between pages.

    Raises:
        InputError: a value of the plan is out of its bounds, or no judge has its name.
        CancelledError: the job was cancelled.
    """
    plan.check()
    judges = _scoring_judges(store, plan)
    job = (job or Job()).named("building the training set", "Nothing was kept.")
    draft = TrainingSetDraft()
    with store.snapshot() as cursor:
        job.step(0, None, "grading")
        grade_pairs(cursor, plan, [judge.id for judge in judges])
        guard = spec_guard(cursor, plan.near_duplicate)
        selected = select_queries(graded_queries(cursor), plan, guard, job)
        trained = _add_graded(cursor, draft, selected, job)
        made = add_keyword_pairs(
            KeywordSource(cursor, guard, selected.taken, selected.held_out),
            draft,
            plan,
            trained,
            job,
        )
        pool = add_pool_documents(cursor, draft, plan, made.documents, job)
        left_out = Counter(left_out_counts(cursor))
    left_out.update(selected.left_out)
    finished = draft.finished()
    summary = summarise(
        finished,
        plan,
        judge=", ".join(dict.fromkeys(judge.name for judge in judges)),
        left_out=left_out,
        dropped=selected.dropped,
        made_like_spec=made.like_spec,
        pool=pool,
    )
    return finished, summary


def _scoring_judges(store: Store, plan: TrainingSetPlan) -> list[Judge]:
    """Return the judges whose raw scores are used: the plan's, else all, the audited judge first.

    The lexical baseline is used only when the plan names it, or there is no other judge.
    """
    if not plan.judge_scores:
        return []
    first = audited_judge(store, plan.judge_name)
    if first is None or plan.judge_name:
        return [first] if first else []
    counts = scored_pairs(store)
    others = [
        judge
        for judge in all_judges(store)
        if judge.kind is not JudgeKind.LEXICAL and judge.id != first.id and counts.get(judge.id)
    ]
    return [first, *sorted(others, key=lambda judge: (-counts[judge.id], judge.id))]


def _add_graded(
    cursor: DuckDBPyConnection,
    draft: TrainingSetDraft,
    selected: SelectedQueries,
    job: Job,
) -> int:
    """Add the pairs of the selected queries; return how many are trained on."""
    queries = selected.taken
    cursor.execute(
        "CREATE TEMP TABLE taken AS SELECT unnest(CAST($1 AS UUID[])) AS id,"
        " unnest(CAST($2 AS INTEGER[])) AS place",
        [[query.id for query in queries], list(range(len(queries)))],
    )
    for query in queries:
        draft.add_query(query)
    cursor.execute(
        """
        CREATE TEMP TABLE chosen AS
        SELECT taken.place AS query, document_id, grade, weight, source
        FROM graded JOIN taken ON taken.id = graded.query_id WHERE left_out IS NULL
        """
    )
    cursor.execute(
        "CREATE TEMP TABLE paired AS SELECT id, CAST(row_number() OVER (ORDER BY id) - 1 AS"
        " INTEGER) AS place FROM (SELECT DISTINCT document_id AS id FROM chosen)"
    )
    _add_documents(cursor, draft, job)
    return _add_pairs(cursor, draft, queries, job)


def _add_documents(cursor: DuckDBPyConnection, draft: TrainingSetDraft, job: Job) -> None:
    ((count,),) = cursor.execute("SELECT count(*) FROM paired").fetchall()
    for start in range(0, count, _PAGE):
        job.step(start, count, "documents")
        rows = cursor.execute(
            "SELECT document.id, path, symbol, text FROM paired"
            " JOIN db.documents AS document ON document.id = paired.id"
            " WHERE place >= $1 AND place < $2 ORDER BY place",
            [start, start + _PAGE],
        ).fetchall()
        for row in rows:
            draft.add_document(TrainingDocument(*row))


def _add_pairs(
    cursor: DuckDBPyConnection,
    draft: TrainingSetDraft,
    queries: tuple[TrainingQuery, ...],
    job: Job,
) -> int:
    ((count,),) = cursor.execute("SELECT count(*) FROM chosen").fetchall()
    sources = {source.value: source for source in GradeSource}
    trained = done = 0
    cursor.execute(
        "SELECT chosen.query, paired.place, grade, weight, source"
        " FROM chosen JOIN paired ON paired.id = chosen.document_id ORDER BY 1, 2"
    )
    while rows := cursor.fetchmany(_PAGE):
        for query, document, grade, weight, source in rows:
            draft.add_pair(query, document, grade, weight, sources[source])
            trained += queries[query].split is Split.TRAIN
        done += len(rows)
        job.step(done, count, "pairs")
    return trained


#: The variance of an unknown grade: uniform on 1 to 5.
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

    ``source``, ``grade`` and ``weight`` are a person's label where there is one (of several
    annotators the adjudicated grade, else the mean, as in the view ``best_grades`` and in exports),
    else the calibrated grade, else, if the plan asks for it, a judge's raw score. ``left_out`` is
    the name of a ``LeftOutReason``, or NULL.

    The weight of a label or calibrated grade is its certainty, ``1 - variance / 2``, at least 0: 1
    for one person's grade, for equal grades, or for a certain calibration; 0 for a grade that
    varies as much as one drawn from 1 to 5 at random, whose variance is 2.

    Args:
        cursor: of a snapshot of the store.
        plan: which grades to take.
        judges: whose raw scores are used; if several scored a pair, the first counts.
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


def add_pool_documents(
    cursor: DuckDBPyConnection,
    draft: TrainingSetDraft,
    plan: TrainingSetPlan,
    used: Iterable[UUID],
    job: Job,
) -> int:
    """Add documents of the corpus without a pair, drawn by the seed; return their number.

    Args:
        cursor: of the snapshot, with the table ``paired``.
        draft: gets the documents.
        plan: how many, and the seed.
        used: documents that are in the draft already, perhaps with another text; not drawn.
        job: gets the progress; may cancel.
    """
    if not plan.pool_documents:
        return 0
    cursor.execute(
        "CREATE TEMP TABLE pool AS SELECT id, row_number() OVER (ORDER BY md5($1 || id), id) AS"
        " place FROM db.documents WHERE in_corpus AND trim(text) <> ''"
        " AND id NOT IN (SELECT id FROM paired)"
        " AND id NOT IN (SELECT unnest(CAST($2 AS UUID[]))) ORDER BY place LIMIT $3",
        [f"pool {plan.seed} ", sorted(used), plan.pool_documents],
    )
    before = draft.documents
    ((count,),) = cursor.execute("SELECT count(*) FROM pool").fetchall()
    for start in range(1, count + 1, _PAGE):
        job.step(start - 1, count, "pool documents")
        rows = cursor.execute(
            "SELECT document.id, path, symbol, text FROM pool"
            " JOIN db.documents AS document ON document.id = pool.id"
            " WHERE place >= $1 AND place < $2 ORDER BY place",
            [start, start + _PAGE],
        ).fetchall()
        for row in rows:
            draft.add_document(TrainingDocument(*row))
    return draft.documents - before
