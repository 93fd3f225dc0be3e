"""Building a training set from the store."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from core.records import JudgeKind
from labels.audited_judge import audited_judge, scored_pairs
from labels.judgments import all_judges
from train.training_set.drafting import TrainingSetDraft
from train.training_set.grading import grade_pairs, left_out_counts
from train.training_set.keyword_pairs import KeywordSource, add_keyword_pairs
from train.training_set.pool import add_pool_documents
from train.training_set.query_selecting import graded_queries, select_queries
from train.training_set.records import GradeSource, Split, TrainingDocument
from train.training_set.spec_queries import spec_guard
from train.training_set.summarising import summarise
from train.training_set.watching import Watch

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from core.records import Judge
    from core.store import Store
    from train.training_set.plan import TrainingSetPlan
    from train.training_set.query_selecting import SelectedQueries
    from train.training_set.records import TrainingQuery, TrainingSet
    from train.training_set.summary import TrainingSetSummary

_PAGE: Final = 5_000


def build_training_set(
    store: Store, plan: TrainingSetPlan, watch: Watch | None = None
) -> tuple[TrainingSet, TrainingSetSummary]:
    """Return the training set that the store gives by this plan, and its figures.

    The same store, plan and version of rejudge give the same set. ``require_enough`` says whether
    it will do.

    Args:
        store: read as it stands at the start; nothing is written.
        plan: what to take.
        watch: told in queries, documents and pairs, and asked, page by page.

    Raises:
        InputError: the plan cannot be, or no judge has its name.
        CancelledError: the watch said so.
    """
    plan.check()
    judges = _scoring_judges(store, plan)
    watch = watch or Watch()
    draft = TrainingSetDraft()
    with store.snapshot() as cursor:
        watch.step(0, None, "grading")
        grade_pairs(cursor, plan, [judge.id for judge in judges])
        guard = spec_guard(cursor, plan.near_duplicate)
        selected = select_queries(graded_queries(cursor), plan, guard, watch)
        trained = _add_graded(cursor, draft, selected, watch)
        made = add_keyword_pairs(
            KeywordSource(cursor, guard, selected.taken, selected.held_out),
            draft,
            plan,
            trained,
            watch,
        )
        pool = add_pool_documents(cursor, draft, plan, made.documents, watch)
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
    """Return the judges whose raw scores are taken: the plan's, else all, the audited one first.

    The lexical baseline is taken only when it is the plan's, or the only one.
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
    cursor: DuckDBPyConnection, draft: TrainingSetDraft, selected: SelectedQueries, watch: Watch
) -> int:
    """Add the pairs of the queries taken; return how many are trained on."""
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
    _add_documents(cursor, draft, watch)
    return _add_pairs(cursor, draft, queries, watch)


def _add_documents(cursor: DuckDBPyConnection, draft: TrainingSetDraft, watch: Watch) -> None:
    ((count,),) = cursor.execute("SELECT count(*) FROM paired").fetchall()
    for start in range(0, count, _PAGE):
        watch.step(start, count, "documents")
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
    watch: Watch,
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
        watch.step(done, count, "pairs")
    return trained
