"""Learn from the labels, grade every judged pair, write it down.

A calibrated grade for every judged pair, written in short turns.

The database pivots the rulings into a table of its own, a row for each pair. Each turn takes some
thousand rows as arrays, the model works on the arrays, and the database takes them back: no row
becomes a Python object, and a key pressed meanwhile waits for one turn at most.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Final
from uuid import UUID

import numpy as np

from core.errors import CancelledError
from core.ids import event_id, utc_now
from core.records import Progress
from core.stats import estimate, resampled_sums
from labels.calibration.choosing import median_grades, ranked_probability_scores
from labels.calibration.fitting import FittedCalibration, fit_calibration
from labels.calibration.outputs import LEVELS, JudgeOutputs, judge_outputs, learning_material
from labels.calibration.store import Calibration, CalibrationOutcome, JudgeEffect, add_calibration
from labels.calibration.worker import fit_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

    from core.records import Judge
    from core.store.database import Store
    from labels.calibration.outputs import LabelledOutputs


#: Pairs of one turn: 20 ms of work.
PAIRS_A_TURN: Final = 10_000
_TO_LAST: Final = PAIRS_A_TURN - 1
#: Old grades that one turn deletes.
GRADES_A_TURN: Final = 50_000
#: A breath between turns: Python's locks are not fair, and a waiting key must come first.
_BREATH: Final = 0.002
_ID_BITS: Final = 128
_CHANCES: Final = ("p1", "p2", "p3", "p4", "p5")


def grade_all(
    store: Store,
    calibration: UUID,
    judges: Sequence[Judge],
    fitted: FittedCalibration,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> int:
    """Write the calibrated grade of every pair that one of the judges scored; return how many.

    Raises:
        CancelledError: ``cancelled`` said so; the grades written so far belong to no calibration.
    """
    columns = _columns(store, judges)
    staged = f"memory.main.rulings_{calibration.hex}"
    try:
        store.read(columns.staging_sql(staged))
        total = store.read(f"SELECT count(*) FROM {staged}")[0][0]
        for first in range(1, total + 1, PAIRS_A_TURN):
            if cancelled():
                raise CancelledError("the calibration was stopped; the one before it stands")
            turn = f"(SELECT * FROM {staged} WHERE place BETWEEN {first} AND {first} + {_TO_LAST})"
            with store.transaction() as cursor:
                _grade_turn(cursor, calibration, turn, columns, fitted)
            progress(Progress(min(total, first + _TO_LAST), total, "calibrating"))
            time.sleep(_BREATH)
    finally:
        store.read(f"DROP TABLE IF EXISTS {staged}")
    return int(total)


def drop_other_grades(store: Store, keep: UUID) -> None:
    """Delete the grades of every calibration but one, in turns; the calibrations stay."""
    others = store.read(
        "SELECT count(*) FROM db.calibrated_grades WHERE calibration_id <> $1", [keep]
    )[0][0]
    for first, last in id_ranges(others, GRADES_A_TURN) if others else ():
        with store.transaction() as cursor:
            cursor.execute(
                "DELETE FROM db.calibrated_grades"
                " WHERE calibration_id <> $1 AND pair_id BETWEEN $2 AND $3",
                [keep, first, last],
            )
        time.sleep(_BREATH)


def id_ranges(rows: int, in_each: int) -> list[tuple[UUID, UUID]]:
    """Cut all ids into equal ranges, ends included, with about ``in_each`` of the rows in each.

    Ids are hashes, so that equal ranges hold about as many.
    """
    count = max(1, -(-rows // in_each))
    edges = [(1 << _ID_BITS) * number // count for number in range(count + 1)]
    return [(UUID(int=low), UUID(int=high - 1)) for low, high in pairwise(edges)]


def _grade_turn(
    cursor: DuckDBPyConnection,
    calibration: UUID,
    turn: str,
    columns: _Columns,
    fitted: FittedCalibration,
) -> None:
    found = cursor.execute(f"SELECT * EXCLUDE (pair_id), {_DRAW} FROM {turn}").fetchnumpy()
    predicted = fitted.predict(columns.outputs(found), _filled(found["draw"]))
    made = {f"p{k}": predicted.chances[:, k - 1].copy() for k in range(1, LEVELS + 1)}
    made |= {
        "place": _filled(found["place"]).astype(np.int64),
        "expected": predicted.expected,
        "low": predicted.low.astype(np.int16),
        "high": predicted.high.astype(np.int16),
    }
    cursor.register("made", made)
    cursor.execute(
        "INSERT INTO db.calibrated_grades"
        " SELECT $1, pair_id, made.p1, made.p2, made.p3, made.p4, made.p5, expected, low, high"
        f" FROM made JOIN {turn} AS turn USING (place)",
        [calibration],
    )
    cursor.unregister("made")


#: The same number as ``draw_of``: the last 32 bits of the pair's id.
_DRAW: Final = "CAST('0x' || right(CAST(pair_id AS VARCHAR), 8) AS BIGINT) / 4294967296.0 AS draw"


@dataclass(frozen=True, slots=True)
class _Columns:
    """How the rulings of a turn are pivoted. ``with_chances`` are the judges' distributions."""

    judges: str
    pivot: str
    with_chances: tuple[bool, ...]

    def staging_sql(self, name: str) -> str:
        """Return the statement that makes a table of all rulings, a row for each pair.

        It lies beside the database, so that no writer has to wait while it is made; the engine
        spills it when memory is short.
        """
        return (
            f"CREATE TABLE {name} AS SELECT *, row_number() OVER () AS place FROM ("
            f"SELECT pair_id, {self.pivot} FROM ("
            " SELECT pair_id, judge_id, score, p1, p2, p3, p4, p5 FROM db.judgments"
            f" WHERE score IS NOT NULL AND judge_id IN ({self.judges})"
            " QUALIFY row_number()"
            "  OVER (PARTITION BY pair_id, judge_id ORDER BY judged DESC, id DESC) = 1"
            ") GROUP BY pair_id)"
        )

    def outputs(self, found: dict[str, NDArray[np.float64]]) -> JudgeOutputs:
        """Return the outputs of the fetched columns."""
        count = len(self.with_chances)
        scores = np.column_stack([_filled(found[f"score_{place}"]) for place in range(count)])
        if not any(self.with_chances):
            return judge_outputs(scores)
        chances = np.full((len(scores), count, LEVELS), np.nan)
        for place, told in enumerate(self.with_chances):
            for k, name in enumerate(_CHANCES if told else ()):
                chances[:, place, k] = _filled(found[f"{name}_{place}"])
        return judge_outputs(scores, chances)


def _columns(store: Store, judges: Sequence[Judge]) -> _Columns:
    rows = store.read("SELECT DISTINCT judge_id FROM db.judgments WHERE p1 IS NOT NULL")
    telling = {row[0] for row in rows}
    literals = [f"CAST('{judge.id}' AS UUID)" for judge in judges]
    pivoted = [
        f"CAST(max({name}) FILTER (judge_id = {literal}) AS DOUBLE) AS {name}_{place}"
        for place, (judge, literal) in enumerate(zip(judges, literals, strict=True))
        for name in ("score", *(_CHANCES if judge.id in telling else ()))
    ]
    return _Columns(
        ", ".join(literals), ", ".join(pivoted), tuple(judge.id in telling for judge in judges)
    )


def _filled(column: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a fetched column with NaN for NULL."""
    values = np.ma.asarray(column, dtype=np.float64)
    return np.asarray(np.ma.filled(values, np.nan))


def calibrate(
    store: Store,
    *,
    apart: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> CalibrationOutcome:
    """Fit a calibration on all labels and write every judged pair's grade.

    The calibration before stays the current one until all of that is done. Meant for a worker
    thread; other threads may write meanwhile.

    Args:
        store: the store.
        apart: whether to fit in a process of its own, for a program that must answer to keys
            meanwhile.
        progress: gets how far it is.
        cancelled: asked now and then whether to stop.

    Raises:
        CancelledError: ``cancelled`` said so; nothing has changed.
    """
    material = learning_material(store)
    labelled = material.labelled
    if labelled is None:
        return CalibrationOutcome(None, material.reason, material.notices)
    if apart:
        fitted = fit_apart(labelled, material.draws, cancelled)
    else:
        fitted = fit_calibration(labelled, material.draws)
    identifier = event_id()
    graded = grade_all(
        store, identifier, material.judges, fitted, progress=progress, cancelled=cancelled
    )
    calibration = Calibration(
        id=identifier,
        made=utc_now(),
        method=fitted.method,
        labels=len(labelled),
        pairs=material.pairs,
        queries=int(labelled.queries.max()) + 1,
        judges=_effects(material.judges, labelled, fitted),
        held_out=fitted.held_out,
        tried=fitted.tried,
        parameters=json.dumps(
            {
                "model": fitted.model.parameters(),
                "judges": [str(judge.id) for judge in material.judges],
                "set_threshold": fitted.most if np.isfinite(fitted.most) else None,
            }
        ),
        graded=graded,
    )
    add_calibration(store, calibration)
    drop_other_grades(store, identifier)
    return CalibrationOutcome(calibration, notices=material.notices)


def _effects(
    judges: Sequence[Judge], labelled: LabelledOutputs, fitted: FittedCalibration
) -> tuple[JudgeEffect, ...]:
    """Return each judge's own RPS and MAE beside the calibration's on the same labels."""
    found = []
    for place, judge in enumerate(judges):
        ruled = ~np.isnan(labelled.outputs.scores[:, place])
        part = labelled.of(ruled)
        losses = _losses(labelled.outputs.judge(place).mean_chances, part.grades, "raw")
        losses |= _losses(fitted.chances[ruled], part.grades, "calibrated")
        share = part.weights / part.weights.sum()
        figures = {name: float(share @ loss) for name, loss in losses.items()}
        for name in ("rps", "mae"):
            losses[f"{name}_gain"] = losses[f"{name}_raw"] - losses[f"{name}_calibrated"]
        intervals = _intervals(part, losses)
        found.append(JudgeEffect(judge.id, judge.name, len(part), **figures, intervals=intervals))
    return tuple(found)


def _losses(
    chances: NDArray[np.float64], grades: NDArray[np.int64], which: str
) -> dict[str, NDArray[np.float64]]:
    return {
        f"rps_{which}": ranked_probability_scores(chances, grades),
        f"mae_{which}": np.abs(median_grades(chances) - grades).astype(np.float64),
    }


def _intervals(
    labelled: LabelledOutputs, losses: Mapping[str, NDArray[np.float64]]
) -> dict[str, tuple[float, float]]:
    """Return the interval over queries of each weighted mean loss, of those that have one."""
    queries = np.unique(labelled.queries, return_inverse=True)[1]
    columns = [*losses.values(), np.ones(len(labelled))]
    by_query = [np.bincount(queries, labelled.weights * one) for one in columns]
    sums = np.column_stack(by_query).astype(np.float64)
    resampled = resampled_sums(sums)
    found = {}
    for place, name in enumerate(losses):
        told = estimate(partial(_mean_of, place), sums, resampled)
        if told.low is not None and told.high is not None:
            found[name] = (told.low, told.high)
    return found


def _mean_of(place: int, sums: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(sums[:, place] / sums[:, -1])
