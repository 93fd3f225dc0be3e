"""What is known of a batch, and what came of sending and fetching some."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from core.records import Judge


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

    @property
    def waiting(self) -> int:
        """How many batches are not finished."""
        return sum(one.state in {BatchState.WAITING, BatchState.PREPARING} for one in self.batches)
