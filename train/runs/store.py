"""The runs of a workspace, read from their folders and cached in the store.

A row of ``runs`` is a cache of its folder: throw it away and it is made again. It also remembers a
run whose folder is gone. ``run_evals`` links a run to the evals of its base and of its model.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from train.config import config_text, parse_config
from train.runs.folder import run_created, run_folders
from train.runs.progress import RunReader, RunStatus, RunView

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from core.store.database import Store
    from train.config import RunConfig
    from train.runs.folder import RunFolder


_COLUMNS: Final = "id, created, config, status, step, steps, loss, metric, seconds, reason, told"


class Side(StrEnum):
    """Which encoder an eval of a run is of: its base, or what came of it."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as the store has it.

    Args:
        id: its name, which is that of its folder.
        created: when it was made (UTC).
        config: its settings.
        status: what it was doing when its folder was last read.
        step: the last step taken; ``steps`` are those it is to take, 0 while unknown.
        loss: the mean loss around the last step; None before the first.
        metric: the best nDCG@10 on its held-out queries; None before the first evaluation.
        seconds: how long its workers took.
        reason: why it ended as it did; empty when it finished.
        position: how many bytes of its events this is made from.
    """

    id: str
    created: datetime
    config: RunConfig
    status: RunStatus
    step: int = 0
    steps: int = 0
    loss: float | None = None
    metric: float | None = None
    seconds: float = 0.0
    reason: str = ""
    position: int = 0


@dataclass(frozen=True, slots=True)
class RunEval:
    """An eval that belongs to a run.

    ``position`` is how many bytes of events the run had when it was evaluated.
    """

    spec_name: str
    side: Side
    eval_id: UUID
    position: int


def record_of(view: RunView) -> RunRecord:
    """Return the record that the store keeps of a run."""
    progress = view.progress
    return RunRecord(
        id=view.id,
        created=run_created(view.folder),
        config=view.config,
        status=view.status,
        step=progress.step,
        steps=progress.steps,
        loss=progress.loss[-1][1] if progress.loss else None,
        metric=progress.best.value if progress.best else None,
        seconds=progress.seconds,
        reason=progress.ended.reason if progress.ended else "",
        position=view.position,
    )


def save_runs(store: Store, records: Sequence[RunRecord]) -> None:
    """Write those of the records that differ from the stored ones, in one transaction."""
    known = {record.id: record for record in list_runs(store)}
    fresh = [record for record in records if known.get(record.id) != record]
    if not fresh:
        return
    with store.transaction() as cursor:
        for record in fresh:
            cursor.execute("DELETE FROM db.runs WHERE id = $1", [record.id])
            cursor.execute(
                "INSERT INTO db.runs (id, created, config, status, step, steps, loss, metric,"
                " seconds, reason, told)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                [
                    record.id,
                    record.created,
                    json.dumps(json.loads(config_text(record.config))),
                    record.status.value,
                    record.step,
                    record.steps,
                    record.loss,
                    record.metric,
                    record.seconds,
                    record.reason,
                    record.position,
                ],
            )


def list_runs(store: Store) -> list[RunRecord]:
    """Return every run that the store knows, the newest first."""
    rows = store.read(f"SELECT {_COLUMNS} FROM db.runs ORDER BY created DESC, id DESC")
    return [
        RunRecord(
            row[0],
            row[1],
            parse_config(json.loads(row[2]), Path(f"run {row[0]}")),
            RunStatus(row[3]),
            *row[4:],
        )
        for row in rows
    ]


def run_evals(store: Store, record: RunRecord) -> dict[tuple[str, Side], RunEval]:
    """Return the evals of a run by spec and side, without those of an earlier model."""
    rows = store.read(
        "SELECT spec_name, side, eval_id, told FROM db.run_evals WHERE run_id = $1", [record.id]
    )
    found = [RunEval(name, Side(side), *rest) for name, side, *rest in rows]
    return {
        (each.spec_name, each.side): each
        for each in found
        if each.side is Side.BEFORE or each.position == record.position
    }


def link_eval(store: Store, run_id: str, linked: RunEval) -> None:
    """Link an eval of a run's base or model on a spec to the run, in place of an earlier one."""
    with store.transaction() as cursor:
        cursor.execute(
            "DELETE FROM db.run_evals WHERE run_id = $1 AND spec_name = $2 AND side = $3",
            [run_id, linked.spec_name, linked.side.value],
        )
        cursor.execute(
            "INSERT INTO db.run_evals (run_id, spec_name, side, eval_id, told)"
            " VALUES ($1, $2, $3, $4, $5)",
            [run_id, linked.spec_name, linked.side.value, linked.eval_id, linked.position],
        )


@dataclass(frozen=True, slots=True)
class RunList:
    """The runs, the newest first.

    ``gone`` are the names of those whose folder is gone; ``problems`` says which folders could not
    be read, and why.
    """

    records: tuple[RunRecord, ...] = ()
    gone: frozenset[str] = frozenset()
    problems: tuple[str, ...] = ()

    @property
    def going(self) -> tuple[RunRecord, ...]:
        """The runs with a worker at work."""
        return tuple(record for record in self.records if record.status.going)


class WorkspaceRuns:
    """Reads the runs of a workspace again and again, only what is new of each.

    Use it from one thread at a time.
    """

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._readers: dict[str, RunReader] = {}

    def read(self, store: Store) -> RunList:
        """Read every run, and write into the store which began or ended.

        Raises:
            StoreError: the store cannot be read or written.
        """
        known = {record.id: record for record in list_runs(store)}
        found: dict[str, RunRecord] = {}
        problems = []
        for folder in run_folders(self._workspace):
            record = known.get(folder.path.name)
            try:
                if record is None or _has_news(folder, record):
                    record = record_of(self.view(folder))
            except InputError as error:
                problems.append(str(error))
            if record is not None:
                found[record.id] = record
        save_runs(store, [each for each in found.values() if _is_worth_writing(each, known)])
        gone = known.keys() - found.keys()
        records = (*found.values(), *(_without_worker(known[name]) for name in gone))
        return RunList(_newest_first(records), frozenset(gone), tuple(problems))

    def view(self, folder: RunFolder) -> RunView:
        """Read one run with its curves and its log.

        Raises:
            InputError: the folder is no run's, or its settings or events cannot be read.
        """
        name = folder.path.name
        if name not in self._readers:
            self._readers[name] = RunReader(folder)
        return self._readers[name].read()


def _has_news(folder: RunFolder, record: RunRecord) -> bool:
    """Whether a run may have gone on since its record was made."""
    try:
        size = folder.events.stat().st_size
    except OSError:
        return True
    uncertain = record.status in {RunStatus.RUNNING, RunStatus.WAITING, RunStatus.DIED}
    return uncertain or size != record.position


def _is_worth_writing(record: RunRecord, known: dict[str, RunRecord]) -> bool:
    """Whether the store should have the record now: while a run goes on, its folder is read."""
    before = known.get(record.id)
    return before is None or not record.status.going or before.status is not record.status


def _without_worker(record: RunRecord) -> RunRecord:
    """Return the record of a run whose folder is gone: it cannot be at work."""
    return replace(record, status=RunStatus.DIED) if record.status.going else record


def _newest_first(records: Iterable[RunRecord]) -> tuple[RunRecord, ...]:
    return tuple(sorted(records, key=lambda record: (record.created, record.id), reverse=True))
