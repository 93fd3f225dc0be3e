"""How far judging is, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.records import Judge


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
