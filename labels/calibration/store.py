"""Calibrations and calibrated grades: records, and their place in the store."""

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
    """The calibration methods, simplest first."""

    IDENTITY = "identity"
    CONFUSION = "confusion"
    ISOTONIC = "isotonic"
    ORDINAL = "ordinal"


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Held-out accuracy: errors in predicting labels that the fit had not seen.

    RPS is the ranked probability score, the sum over k of (P(grade <= k) - [grade <= k]) ** 2: 0
    is perfect, 4 the worst; of a bare score it is the distance to the grade. ``mae`` is of the
    median grade, ``rmse`` of the expected grade. ``gain`` is ``rps_raw - rps_calibrated``, with
    its 95% interval over queries. ``coverage`` is the share of 90% sets that hold the grade, over
    labels that did not set the threshold; in calibrations stored before, over those that did.
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
    """A judge alone, and the calibration, on the labelled pairs that the judge scored.

    ``intervals`` has the 95% intervals over queries, if there are any, of the four figures by name
    and of ``rps_gain`` and ``mae_gain``, raw minus calibrated.
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
    """A calibration: its labels, method, held-out accuracy, and how many pairs it graded.

    ``tried`` has the held-out RPS of every method; ``parameters`` is a JSON object as text.
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
    """A pair's P(grade = 1..5), its expected grade, and the ends of its 90% prediction set."""

    pair_id: UUID
    calibration_id: UUID
    distribution: tuple[float, float, float, float, float]
    expected: float
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class CalibrationOutcome:
    """A new calibration, or the reason why there is none."""

    calibration: Calibration | None
    reason: str = ""
    notices: tuple[str, ...] = ()


_COLUMNS: Final = (
    "id, made, method, labels, pairs, queries, judges, parameters, rps_raw, rps_calibrated,"
    " figures, graded"
)


def current_calibration(store: Store) -> Calibration | None:
    """Return the newest calibration; None before the first."""
    rows = store.read(f"SELECT {_COLUMNS} FROM db.calibrations ORDER BY made DESC, id DESC LIMIT 1")
    return _calibration(rows[0]) if rows else None


def labels_since(store: Store, calibration: Calibration | None) -> int:
    """Return how many grades were given after a calibration; without one, all of them."""
    (row,) = store.read(
        "SELECT count(*) FROM standing_events WHERE grade IS NOT NULL"
        " AND ($1 IS NULL OR happened > CAST($1 AS TIMESTAMP))",
        [calibration.made if calibration else None],
    )
    return int(row[0])


def calibrated_grades(store: Store, pairs: Sequence[UUID]) -> dict[UUID, CalibratedGrade]:
    """Return the newest calibrated grades of these pairs, by pair."""
    rows = store.read(
        "SELECT pair_id, calibration_id, p1, p2, p3, p4, p5, expected, low, high"
        " FROM current_calibrated_grades"
        " WHERE pair_id IN (SELECT unnest(CAST($1 AS UUID[])))",
        [list(pairs)],
    )
    return {row[0]: CalibratedGrade(row[0], row[1], row[2:7], *row[7:]) for row in rows}


def add_calibration(store: Store, calibration: Calibration) -> None:
    """Insert a calibration whose grades are written already; it becomes the newest."""
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
    stored = json.loads(figures)
    effects = [
        JudgeEffect(**(effect | {"judge_id": UUID(effect["judge_id"])} | _intervals(effect)))
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
        held_out=HeldOut(**stored["held_out"]),
        tried=tuple((Method(name), loss) for name, loss in stored["tried"].items()),
        parameters=parameters,
        graded=graded,
    )


def _intervals(effect: dict[str, Any]) -> dict[str, Any]:
    stored = effect.get("intervals", {})
    return {"intervals": {name: (low, high) for name, (low, high) in stored.items()}}
