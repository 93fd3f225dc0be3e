"""How long a calibration of many judgments takes, from labels to the last grade on disk."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.ids import content_id_sql
from core.records import JudgeKind
from core.store.opening import open_store
from core.store.tables import add_judge, make_judge
from core.workspace import Workspace
from labels.calibration.calibrating import calibrate

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from core.store.database import Store

JUDGES: Final = 3
LABELS: Final = 2_000
REPEATS: Final = 3
_PAIRS_PER_QUERY: Final = 10


@dataclass(frozen=True, slots=True)
class Refit:
    """Elapsed seconds of a calibration, and the CPU seconds of all its threads."""

    wall: float
    cpu: float


def refits(judgments: int) -> tuple[Refit, ...]:
    """Calibrate so many judgments of three judges some times."""
    with tempfile.TemporaryDirectory(prefix="rejudge-bench-") as name:
        workspace = Workspace(Path(name))
        workspace.create()
        with open_store(workspace.folder) as store:
            with store.transaction() as cursor:
                _fill(cursor, judgments // JUDGES)
            return tuple(_refit(store) for _ in range(REPEATS))


def _refit(store: Store) -> Refit:
    began, used = time.perf_counter(), time.process_time()
    outcome = calibrate(store)
    assert outcome.calibration is not None, outcome.reason
    return Refit(time.perf_counter() - began, time.process_time() - used)


def _fill(cursor: DuckDBPyConnection, pairs: int) -> None:
    cursor.execute(
        f"CREATE TEMP TABLE made AS SELECT number, {content_id_sql('CAST(number AS VARCHAR)')} AS"
        f" id, md5(CAST(number // {_PAIRS_PER_QUERY} AS VARCHAR)) AS query, 1 + hash(number) % 5"
        f" AS truth FROM range({pairs}) AS numbers(number)"
    )
    cursor.execute(
        "INSERT INTO db.pairs SELECT id, CAST(query AS UUID), id, 'import', NULL,"
        " TIMESTAMP '2024-01-01' FROM made"
    )
    for number in range(JUDGES):
        judge = make_judge(f"judge {number}", JudgeKind.IMPORTED)
        add_judge(cursor, judge)
        cursor.execute(
            "INSERT INTO db.judgments SELECT uuid(), id, $1, TIMESTAMP '2024-01-02', greatest(1,"
            f" least(5, truth + CAST(hash(number, {number}) % 3 AS INTEGER) - 1)), NULL,"
            " NULL, NULL, NULL, NULL, NULL, 'because', 0, 0, 0 FROM made",
            [judge.id],
        )
    cursor.execute(
        "INSERT INTO db.label_events (id, happened, pair_id, annotator, action, grade, hidden)"
        " SELECT uuid(), TIMESTAMP '2024-02-01', id, 'ada', 'override', greatest(1, least(5,"
        " truth + CAST(hash(number, 'label') % 3 AS INTEGER) - 1)), FALSE FROM made"
        f" WHERE number % {_PAIRS_PER_QUERY} = 0 ORDER BY number LIMIT {LABELS}"
    )
    cursor.execute("DROP TABLE made")
