"""Calibrations in the store."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from labels.calibration.records import (
    CalibratedGrade,
    Calibration,
    HeldOut,
    JudgeEffect,
    Method,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.store import Row, Store

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
