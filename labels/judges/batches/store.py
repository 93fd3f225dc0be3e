"""Batches in the store. Each function is one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from core.store.tables import add_judgments

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from core.records import Judgment
    from core.store.database import Store
    from core.store.sql import Row


class BatchState(StrEnum):
    """Where a batch stands.

    ``preparing``: its pairs are reserved, and the server's id is not known yet. ``waiting``: the
    server has it. ``done``: its judgments are in the store. ``released``: the server judged none of
    it, and its pairs are pending again.
    """

    PREPARING = "preparing"
    WAITING = "waiting"
    DONE = "done"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Batch:
    """Pairs that were sent to a judge together.

    ``server`` is the address without user, password and query; ``remote_id`` and ``remote_status``
    are the server's words. ``plain``: replies are not held to a JSON schema. Each pair was sent
    ``samples`` times; replies have at most ``max_tokens``. ``note`` is for people.
    """

    id: UUID
    judge_id: UUID
    server: str
    remote_id: str | None
    state: BatchState
    remote_status: str
    plain: bool
    samples: int
    max_tokens: int
    pairs: int
    made: datetime
    note: str = ""


_COLUMNS: Final = (
    "id, judge_id, server, remote_id, state, remote_status, plain, samples, max_tokens, pairs,"
    " made, note"
)


def open_batches(store: Store) -> tuple[Batch, ...]:
    """Return the batches that are not finished, the oldest first."""
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


def reserve_pairs(store: Store, batch: Batch, pairs: Sequence[UUID]) -> None:
    """Add a batch with its pairs, which are no longer pending for its judge."""
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
    """Store where a batch stands, together with its judgments."""
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
