"""The id of an imported judgment: a hash of all it says, so that the same file adds nothing twice.

It stands here for one judgment and as SQL for a million; both give the same. The text that is
hashed begins with two ids of fixed length and tells the length of the failure, so that no two
different judgments have the same text.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labels.importing.ruling_rules import Ruling


def judgment_id(
    judge: UUID,
    pair: UUID,
    ruling: Ruling,
    distribution: Sequence[float] | None = None,
    rationale: str = "",
) -> UUID:
    """Return the id of a judgment. A distribution counts to the millionth."""
    parts = [str(int(part * 1e6 + 0.5)) for part in distribution or ()]
    score = "" if ruling.score is None else str(ruling.score)
    failure = ruling.failure or ""
    said = f"{score} {','.join(parts)} {len(failure)} {failure}{rationale}"
    return UUID(hashlib.sha256(f"{judge}{pair}{said}".encode()).hexdigest()[:32])


def judgment_id_sql() -> str:
    """Return the SQL for the id, from the columns of ``lines``, ``judge_id`` and ``pair_id``."""
    millionths = "[CAST(floor(part * 1e6 + 0.5) AS BIGINT) FOR part IN parts]"
    parts = f"CASE WHEN parts IS NULL THEN '' ELSE array_to_string({millionths}, ',') END"
    said = f"score, ' ', {parts}, ' ', coalesce(length(failure), 0), ' ', failure, rationale"
    return f"CAST(left(sha256(concat(judge_id, pair_id, {said})), 32) AS UUID)"
