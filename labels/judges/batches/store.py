"""What is known of a batch, and what came of sending and fetching some.

Batches in the store. What belongs together is one transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from core.store.tables import add_judgments

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from core.records import Judge, Judgment
    from core.store.database import Store
    from core.store.sql import Row
    from labels.judges.judge import FailureCount


class BatchState(StrEnum):
    """Where a batch stands.

    ``preparing``: its pairs are set aside, and the server's own id is not known yet. ``waiting``:
    the server has it. ``done``: its judgments are in the store. ``released``: the server judged
    none of it, and its pairs wait for a judge again.
    """

    PREPARING = "preparing"
    WAITING = "waiting"
    DONE = "done"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Batch:
    """Pairs that one judge was asked about together.

    ``server`` is the address without user and password; ``remote_id`` and ``remote_status`` are the
    server's words. ``plain``: replies are not held to a JSON schema. Each pair was asked about
    ``samples`` times; replies have ``max_tokens`` at most. ``note`` says what a person should know.
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


@dataclass(frozen=True, slots=True)
class RemoteBatch:
    """What the server says of a batch. ``line_errors`` are (line from 1 or None, message)."""

    id: str
    status: str
    output_file: str | None = None
    error_file: str | None = None
    line_errors: tuple[tuple[int | None, str], ...] = ()

    @property
    def finished(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in {"completed", "failed", "expired", "cancelled"}


@dataclass(frozen=True, slots=True)
class SubmitReport:
    """What sending did. ``probed`` pairs were judged at once, to find out what the server takes."""

    judge: Judge
    batches: tuple[Batch, ...]
    probed: int
    skipped: int
    cancelled: bool = False
    notices: tuple[str, ...] = ()
    failures: tuple[FailureCount, ...] = ()

    @property
    def sent(self) -> int:
        """How many pairs wait at the server now."""
        return sum(batch.pairs for batch in self.batches)


@dataclass(frozen=True, slots=True)
class CollectReport:
    """What fetching did.

    ``batches`` are all that were open, as they stand now. ``judged`` and ``failed`` count
    judgments that came in; ``released`` pairs that the server did not judge and nobody asks twice
    about by asking again.
    """

    batches: tuple[Batch, ...] = ()
    judged: int = 0
    failed: int = 0
    released: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    notices: tuple[str, ...] = ()
    failures: tuple[FailureCount, ...] = ()

    @property
    def waiting(self) -> int:
        """How many batches are not finished."""
        return sum(one.state in {BatchState.WAITING, BatchState.PREPARING} for one in self.batches)


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
