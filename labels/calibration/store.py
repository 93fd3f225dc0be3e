"""Calibrations in the store.

A calibration, and what it says of a pair.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from core.store.database import Store
    from core.store.sql import Row


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


_COLUMNS: Final = (
    "id, made, method, labels, pairs, queries, judges, parameters, rps_raw, rps_calibrated,"
    " figures, graded"
)


def current_calibration(store: Store) -> Calibration | None:
    """Return the latest calibration; None before the first."""
    rows = store.read(f"SELECT {_COLUMNS} FROM db.calibrations ORDER BY made DESC, id DESC LIMIT 1")
    return _calibration(rows[0]) if rows else None


def labels_since(store: Store, calibration: Calibration | None) -> int:
    """Return how many grades were given after a calibration; all of them without any."""
    (row,) = store.read(
        "SELECT count(*) FROM standing_events WHERE grade IS NOT NULL"
        " AND ($1 IS NULL OR happened > CAST($1 AS TIMESTAMP))",
        [calibration.made if calibration else None],
    )
    return int(row[0])


def calibrated_grades(store: Store, pairs: Sequence[UUID]) -> dict[UUID, CalibratedGrade]:
    """Return what the latest calibration says of these pairs, of those that it graded."""
    rows = store.read(
        "SELECT pair_id, calibration_id, p1, p2, p3, p4, p5, expected, low, high"
        " FROM current_calibrated_grades"
        " WHERE pair_id IN (SELECT unnest(CAST($1 AS UUID[])))",
        [list(pairs)],
    )
    return {row[0]: CalibratedGrade(row[0], row[1], row[2:7], *row[7:]) for row in rows}


def add_calibration(store: Store, calibration: Calibration) -> None:
    """Insert a calibration whose grades are written; from then on it is the current one."""
    figures = {
        "held_out": asdict(calibration.held_out),
        "tried": {method.value: loss for method, loss in calibration.tried},
    }
    effects = [asdict(effect) | {"judge_id": str(effect.judge_id)} for effect in calibration.judges]
    with store.transaction() as cursor:
        cursor.execute(
            f"INSERT INTO db.calibrations ({_COLUMNS})"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            [
                calibration.id,
                calibration.made,
                calibration.method.value,
                calibration.labels,
                calibration.pairs,
                calibration.queries,
                json.dumps(effects),
                calibration.parameters,
                calibration.held_out.rps_raw,
                calibration.held_out.rps_calibrated,
                json.dumps(figures),
                calibration.graded,
            ],
        )


def _calibration(row: Row) -> Calibration:
    identifier, made, method, labels, pairs, queries, judges, parameters, _, _, figures, graded = (
        row
    )
    told = json.loads(figures)
    effects = [
        JudgeEffect(
            **(effect | {"judge_id": UUID(effect["judge_id"])} | _intervals(effect)),
        )
        for effect in json.loads(judges)
    ]
    return Calibration(
        id=identifier,
        made=made,
        method=Method(method),
        labels=labels,
        pairs=pairs,
        queries=queries,
        judges=tuple(effects),
        held_out=HeldOut(**told["held_out"]),
        tried=tuple((Method(name), loss) for name, loss in told["tried"].items()),
        parameters=parameters,
        graded=graded,
    )


def _intervals(effect: dict[str, Any]) -> dict[str, Any]:
    told = effect.get("intervals", {})
    return {"intervals": {name: (low, high) for name, (low, high) in told.items()}}
