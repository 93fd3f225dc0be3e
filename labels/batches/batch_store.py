"""Batches in the store. What belongs together is one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from labels.batches.batch_records import Batch, BatchState
from labels.judgments import add_judgments

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from core.records import Judgment
    from core.store import Row, Store

_COLUMNS: Final = (
    "id, judge_id, server, remote_id, state, remote_status, plain, samples, max_tokens, pairs,"
    " made, note"
)


def open_batches(store: Store) -> tuple[Batch, ...]:
    """Return the batches whose pairs are set aside, the oldest first."""
    return _batches(store, "WHERE state IN ('preparing', 'waiting')")


def all_batches(store: Store) -> tuple[Batch, ...]:
    """Return every batch, the oldest first."""
    return _batches(store, "")


def batch_pairs(store: Store, batch: Batch) -> list[UUID]:
    """Return a batch's pairs, in the order in which they were sent."""
    rows = store.read(
        "SELECT pair_id FROM db.batch_pairs WHERE batch_id = $1 ORDER BY pair_id", [batch.id]
    )
    return [row[0] for row in rows]


def set_aside(store: Store, batch: Batch, pairs: Sequence[UUID]) -> None:
    """Add a batch with its pairs: from now on nobody else asks its judge about them."""
    with store.transaction() as cursor:
        cursor.execute(
            f"INSERT INTO db.batches ({_COLUMNS})"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            [
                batch.id,
                batch.judge_id,
                batch.server,
                batch.remote_id,
                batch.state.value,
                batch.remote_status,
                batch.plain,
                batch.samples,
                batch.max_tokens,
                batch.pairs,
                batch.made,
                batch.note,
            ],
        )
        cursor.execute(
            "INSERT INTO db.batch_pairs SELECT $1, unnest(CAST($2 AS UUID[]))",
            [batch.id, list(pairs)],
        )


def update_batch(store: Store, batch: Batch, judgments: Sequence[Judgment] = ()) -> None:
    """Write where a batch stands, together with the judgments that came of it."""
    with store.transaction() as cursor:
        add_judgments(cursor, judgments)
        cursor.execute(
            "UPDATE db.batches SET remote_id = $2, state = $3, remote_status = $4, note = $5"
            " WHERE id = $1",
            [batch.id, batch.remote_id, batch.state.value, batch.remote_status, batch.note],
        )


def _batches(store: Store, where: str) -> tuple[Batch, ...]:
    rows = store.read(f"SELECT {_COLUMNS} FROM db.batches {where} ORDER BY made, id")
    return tuple(_batch(row) for row in rows)


def _batch(row: Row) -> Batch:
    identifier, judge, server, remote, state, *rest = row
    return Batch(identifier, judge, server, remote, BatchState(state), *rest)
