"""Write the calibrated grade of every judged pair, in short transactions.

The database pivots the rulings into a table of its own, a row per pair. A batch of rows becomes
arrays, the model works on them, and the database takes them back: no row becomes a Python object,
and a keypress waits for one batch at most.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final
from uuid import UUID

import numpy as np

from labels.calibration.outputs import LEVELS, JudgeOutputs, judge_outputs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

    from core.jobs import Job
    from core.records import Judge
    from core.store.database import Store
    from labels.calibration.fitting import FittedCalibration


#: Pairs graded in one transaction: 20 ms of work.
PAIRS_A_BATCH: Final = 10_000
_TO_LAST: Final = PAIRS_A_BATCH - 1
#: Old grades deleted in one transaction.
GRADES_A_BATCH: Final = 50_000
#: Sleep between transactions: Python's locks are not fair, and a waiting key must come first.
_PAUSE_SECONDS: Final = 0.002
_ID_BITS: Final = 128
_CHANCES: Final = ("p1", "p2", "p3", "p4", "p5")
#: ``draw_of`` in SQL: the last 32 bits of the pair's id.
_DRAW: Final = "CAST('0x' || right(CAST(pair_id AS VARCHAR), 8) AS BIGINT) / 4294967296.0 AS draw"


def grade_all(
    store: Store,
    calibration: UUID,
    judges: Sequence[Judge],
    fitted: FittedCalibration,
    job: Job,
) -> int:
    """Write the calibrated grade of every pair that a judge scored; return how many.

    Raises:
        CancelledError: the job was cancelled; grades written so far belong to no calibration.
    """
    pivot = _pivot(store, judges)
    staged = f"memory.main.rulings_{calibration.hex}"
    try:
        store.read(pivot.staging_sql(staged))
        total = store.read(f"SELECT count(*) FROM {staged}")[0][0]
        for first in range(1, total + 1, PAIRS_A_BATCH):
            job.check()
            batch = f"(SELECT * FROM {staged} WHERE place BETWEEN {first} AND {first} + {_TO_LAST})"
            with store.transaction() as cursor:
                _grade_batch(cursor, calibration, batch, pivot, fitted)
            job.step(min(total, first + _TO_LAST), total, "calibrating")
            time.sleep(_PAUSE_SECONDS)
    finally:
        store.read(f"DROP TABLE IF EXISTS {staged}")
    return int(total)


def drop_other_grades(store: Store, keep: UUID) -> None:
    """Delete the grades of all calibrations but one, in batches; the calibrations stay."""
    others = store.read(
        "SELECT count(*) FROM db.calibrated_grades WHERE calibration_id <> $1", [keep]
    )[0][0]
    for first, last in id_ranges(others, GRADES_A_BATCH) if others else ():
        with store.transaction() as cursor:
            cursor.execute(
                "DELETE FROM db.calibrated_grades"
                " WHERE calibration_id <> $1 AND pair_id BETWEEN $2 AND $3",
                [keep, first, last],
            )
        time.sleep(_PAUSE_SECONDS)


def id_ranges(rows: int, in_each: int) -> list[tuple[UUID, UUID]]:
    """Cut all ids into equal ranges, ends included, with about ``in_each`` of ``rows`` rows each.

    Ids are hashes, so equal ranges hold about as many.
    """
    count = max(1, -(-rows // in_each))
    edges = [(1 << _ID_BITS) * number // count for number in range(count + 1)]
    return [(UUID(int=low), UUID(int=high - 1)) for low, high in pairwise(edges)]


def _grade_batch(
    cursor: DuckDBPyConnection,
    calibration: UUID,
    batch: str,
    pivot: _Pivot,
    fitted: FittedCalibration,
) -> None:
    columns = cursor.execute(f"SELECT * EXCLUDE (pair_id), {_DRAW} FROM {batch}").fetchnumpy()
    predicted = fitted.predict(pivot.outputs(columns), _filled(columns["draw"]))
    grades = {f"p{k}": predicted.chances[:, k - 1].copy() for k in range(1, LEVELS + 1)}
    grades |= {
        "place": _filled(columns["place"]).astype(np.int64),
        "expected": predicted.expected,
        "low": predicted.low.astype(np.int16),
        "high": predicted.high.astype(np.int16),
    }
    cursor.register("grades", grades)
    cursor.execute(
        "INSERT INTO db.calibrated_grades SELECT $1, pair_id,"
        " grades.p1, grades.p2, grades.p3, grades.p4, grades.p5, expected, low, high"
        f" FROM grades JOIN {batch} AS batch USING (place)",
        [calibration],
    )
    cursor.unregister("grades")


@dataclass(frozen=True, slots=True)
class _Pivot:
    """SQL that pivots rulings, a row per pair; ``with_chances``: judges with distributions."""

    judges: str
    columns: str
    with_chances: tuple[bool, ...]

    def staging_sql(self, name: str) -> str:
        """Return the statement that makes the table of all rulings.

        The table is outside the database file, so no writer waits for it; DuckDB spills it when
        memory is short.
        """
        return (
            f"CREATE TABLE {name} AS SELECT *, row_number() OVER () AS place FROM ("
            f"SELECT pair_id, {self.columns} FROM ("
            " SELECT pair_id, judge_id, score, p1, p2, p3, p4, p5 FROM db.judgments"
            f" WHERE score IS NOT NULL AND judge_id IN ({self.judges})"
            " QUALIFY row_number()"
            "  OVER (PARTITION BY pair_id, judge_id ORDER BY judged DESC, id DESC) = 1"
            ") GROUP BY pair_id)"
        )

    def outputs(self, columns: dict[str, NDArray[np.float64]]) -> JudgeOutputs:
        """Return the fetched columns as outputs."""
        count = len(self.with_chances)
        scores = np.column_stack([_filled(columns[f"score_{place}"]) for place in range(count)])
        if not any(self.with_chances):
            return judge_outputs(scores)
        chances = np.full((len(scores), count, LEVELS), np.nan)
        for place, present in enumerate(self.with_chances):
            for k, name in enumerate(_CHANCES if present else ()):
                chances[:, place, k] = _filled(columns[f"{name}_{place}"])
        return judge_outputs(scores, chances)


def _pivot(store: Store, judges: Sequence[Judge]) -> _Pivot:
    rows = store.read("SELECT DISTINCT judge_id FROM db.judgments WHERE p1 IS NOT NULL")
    with_chances = {row[0] for row in rows}
    literals = [f"CAST('{judge.id}' AS UUID)" for judge in judges]
    columns = [
        f"CAST(max({name}) FILTER (judge_id = {literal}) AS DOUBLE) AS {name}_{place}"
        for place, (judge, literal) in enumerate(zip(judges, literals, strict=True))
        for name in ("score", *(_CHANCES if judge.id in with_chances else ()))
    ]
    return _Pivot(
        ", ".join(literals), ", ".join(columns), tuple(judge.id in with_chances for judge in judges)
    )


def _filled(column: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a fetched column with NaN for NULL."""
    values = np.ma.asarray(column, dtype=np.float64)
    return np.asarray(np.ma.filled(values, np.nan))
