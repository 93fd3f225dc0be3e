"""The id of an imported judgment, worked out apart from the SQL of the import."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labels.pairs.lines import Ruling


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
    text = f"{score} {','.join(parts)} {len(failure)} {failure}{rationale}"
    return UUID(hashlib.sha256(f"{judge}{pair}{text}".encode()).hexdigest()[:32])
