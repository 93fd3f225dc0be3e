"""What a judge gives back for one pair, and what every judge offers.

How far judging is, and what came of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from core.records import Document, Judge, Query


@dataclass(frozen=True, slots=True)
class JudgingProgress:
    """``done`` counts judgments of this run, failed ones too; ``rate`` is in judgments a second.

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

    ``judged`` counts scores, ``failed`` failures without one, ``skipped`` the chosen pairs that
    were not asked about because the judge had ruled on them before, or had failed.
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


@dataclass(frozen=True, slots=True)
class Ruling:
    """A score from 1 to 5 with its rationale; or a failure with its reason and no score."""

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
        """The judge that its rulings are stored under."""

    @property
    def notices(self) -> tuple[str, ...]:
        """What a person should know about how the judge was asked; each one line."""

    async def rule(self, query: Query, document: Document) -> Ruling:
        """Score one pair. What went wrong with this pair alone comes back as a failure.

        Raises:
            JudgeError: no pair can be scored: the key is refused, the model is not there.
        """

    async def aclose(self) -> None:
        """Close what is open. Called in the loop that ``rule`` was called in."""
