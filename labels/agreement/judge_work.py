"""What each judge has done: scores, failures, tokens, seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID

    from core.store import Store


@dataclass(frozen=True, slots=True)
class JudgeWork:
    """The work of one judge.

    ``scored`` counts its judgments with a score, ``failed`` the pairs it could not rule on and has
    not since. ``tokens`` and ``seconds`` are of all its judgments, failures included; 0 where
    nobody counted them, as in an import.
    """

    scored: int = 0
    failed: int = 0
    tokens: int = 0
    seconds: float = 0.0
    judgments: int = 0

    @property
    def seconds_each(self) -> float | None:
        """Seconds of a judgment; None where nobody took the time."""
        return self.seconds / self.judgments if self.seconds and self.judgments else None


def work_of_judges(store: Store) -> dict[UUID, JudgeWork]:
    """Return the work of every judge that has ruled on anything."""
    rows = store.read(
        """
        SELECT done.judge_id, scored, coalesce(failed, 0), tokens, seconds, judgments FROM (
            SELECT judge_id, count(score) AS scored, count(*) AS judgments,
                sum(prompt_tokens + completion_tokens) AS tokens, sum(seconds) AS seconds
            FROM db.judgments GROUP BY judge_id
        ) AS done
        LEFT JOIN (SELECT judge_id, count(*) AS failed FROM open_failures GROUP BY judge_id)
            AS open ON open.judge_id = done.judge_id
        """
    )
    return {
        judge: JudgeWork(int(scored), int(failed), int(tokens), float(seconds), int(judgments))
        for judge, scored, failed, tokens, seconds, judgments in rows
    }
