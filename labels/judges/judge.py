"""What every judge offers, what it returns for a pair, and what a run of it reports."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core.records import Document, Judge, Query

#: Numbers in a reason; reasons that differ in nothing else are counted together.
_NUMBER: Final = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class FailureCount:
    """A reason for which judgments failed, and how many did."""

    reason: str
    count: int


def count_failures(
    reasons: Iterable[str], before: Iterable[FailureCount] = ()
) -> tuple[FailureCount, ...]:
    """Count failures by reason, the most frequent first, on top of earlier counts.

    Reasons that differ only in numbers, as lengths do, are one; the first of them is kept.
    """
    told: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for known in (*before, *(FailureCount(reason, 1) for reason in reasons)):
        kind = _NUMBER.sub("0", known.reason)
        told.setdefault(kind, known.reason)
        counts[kind] += known.count
    return tuple(FailureCount(told[kind], count) for kind, count in counts.most_common())


@dataclass(frozen=True, slots=True)
class JudgingProgress:
    """How far a run is. ``done`` counts failed judgments too; ``rate`` is judgments per second.

    ``seconds_left`` is None until there is a rate.
    """

    done: int
    total: int
    failed: int
    prompt_tokens: int
    completion_tokens: int
    rate: float
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class JudgingReport:
    """What a run of a judge did.

    ``judged`` counts scores, ``failed`` failures, by reason in ``failures``; ``skipped`` the chosen
    pairs that were left alone because the judge had ruled or failed on them before.
    """

    judge: Judge
    judged: int
    failed: int
    skipped: int
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    cancelled: bool = False
    notices: tuple[str, ...] = ()
    failures: tuple[FailureCount, ...] = ()


@dataclass(frozen=True, slots=True)
class Ruling:
    """A score from 1 to 5 with its rationale, or the reason of a failure and no score."""

    score: int | None = None
    failure: str | None = None
    rationale: str = ""
    distribution: tuple[float, float, float, float, float] | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0


class JudgeBackend(Protocol):
    """Something that scores pairs, many at a time in one asyncio loop."""

    @property
    def judge(self) -> Judge:
        """The judge under which its rulings are stored."""

    @property
    def notices(self) -> tuple[str, ...]:
        """What a person should know about how the judge was asked; each one line."""

    async def rule(self, query: Query, document: Document) -> Ruling:
        """Score one pair. What goes wrong with this pair alone is returned as a failure.

        Raises:
            JudgeError: no pair can be scored: the key is refused, the model is unknown.
        """

    async def aclose(self) -> None:
        """Close connections and the like. Called in the loop in which ``rule`` was called."""
