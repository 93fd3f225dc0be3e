"""Documents that nobody graded, to stand among the others of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from train.training_set.records import TrainingDocument

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from duckdb import DuckDBPyConnection

    from train.training_set.drafting import TrainingSetDraft
    from train.training_set.plan import TrainingSetPlan
    from train.training_set.watching import Watch

_PAGE: Final = 5_000


def add_pool_documents(
    cursor: DuckDBPyConnection,
    draft: TrainingSetDraft,
    plan: TrainingSetPlan,
    used: Iterable[UUID],
    watch: Watch,
) -> int:
    """Add documents of the corpus, drawn by the seed; return how many that were.

    Args:
        cursor: of the snapshot, with the table ``paired``.
        draft: gets the documents.
        plan: how many, and the seed.
        used: further documents that are in the draft, maybe with another text; not drawn.
        watch: told and asked.
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
        watch.step(start - 1, count, "pool documents")
        rows = cursor.execute(
            "SELECT document.id, path, symbol, text FROM pool"
            " JOIN db.documents AS document ON document.id = pool.id"
            " WHERE place >= $1 AND place < $2 ORDER BY place",
            [start, start + _PAGE],
        ).fetchall()
        for row in rows:
            draft.add_document(TrainingDocument(*row))
    return draft.documents - before
