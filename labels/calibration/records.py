"""A calibration, and what it says of a pair."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID


class Method(StrEnum):
    """How a judge's output becomes P(grade), the simpler first."""

    IDENTITY = "identity"
    CONFUSION = "confusion"
    ISOTONIC = "isotonic"
    ORDINAL = "ordinal"


@dataclass(frozen=True, slots=True)
class HeldOut:
    """How well grades were told that the fit had not seen, with 95% intervals over queries.

    RPS is the ranked probability score, the sum over k of (P(grade <= k) - [grade <= k]) ** 2: 0
    is perfect, 4 the worst; of a bare score it is the distance to the grade. ``mae`` is of the
    median grade, ``rmse`` of the expected one. ``gain`` is ``rps_raw - rps_calibrated``.
    ``coverage`` is the share of prediction sets that hold the grade.
    """

    rps_raw: float
    rps_calibrated: float
    gain: float
    gain_low: float | None
    gain_high: float | None
    mae_raw: float
    mae_calibrated: float
    rmse_raw: float
    rmse_calibrated: float
    coverage: float


@dataclass(frozen=True, slots=True)
class JudgeEffect:
    """One judge by itself before, and the calibration after, on the pairs that the judge scored.

    ``intervals`` holds the 95% intervals over queries, where there are any, of the four figures by
    their names and of ``rps_gain`` and ``mae_gain``, what was raw minus what is calibrated.
    """

    judge_id: UUID
    judge: str
    labels: int
    rps_raw: float
    rps_calibrated: float
    mae_raw: float
    mae_calibrated: float
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Calibration:
    """One fit: what it was learned from, how, how well it did, and how many pairs it graded.

    ``tried`` has the held-out RPS of each method; ``parameters`` is a JSON object as text.
    """

    id: UUID
    made: datetime
    method: Method
    labels: int
    pairs: int
    queries: int
    judges: tuple[JudgeEffect, ...]
    held_out: HeldOut
    tried: tuple[tuple[Method, float], ...]
    parameters: str
    graded: int


@dataclass(frozen=True, slots=True)
class CalibratedGrade:
    """P(grade = 1..5) of one pair, the expected grade, and the ends of its 90% prediction set."""

    pair_id: UUID
    calibration_id: UUID
    distribution: tuple[float, float, float, float, float]
    expected: float
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class CalibrationOutcome:
    """What came of an attempt: a calibration, or the reason why there is none."""

    calibration: Calibration | None
    reason: str = ""
    notices: tuple[str, ...] = ()
