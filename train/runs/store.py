"""Runs in the store: what their folders told, and the evals that show what each changed.

All runs of a workspace: what the folders tell, and what the store remembers of those gone.
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
from train.runs.process import RunStatus, last_launch
from train.runs.watching import RunLook, RunWatch

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
        status: what it was doing when its folder was last looked at.
        step: the last step taken; ``steps`` are those it is to take, 0 while unknown.
        loss: the mean loss around the last step; None before the first.
        metric: the best nDCG@10 on its held-out queries; None before the first look.
        seconds: how long its workers took.
        reason: why it ended as it did; empty when it finished.
        told: how many bytes of its events this is made from.
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
    told: int = 0


@dataclass(frozen=True, slots=True)
class RunEval:
    """An eval that belongs to a run.

    ``told`` is how many bytes of events the run had when it was evaluated.
    """

    spec_name: str
    side: Side
    eval_id: UUID
    told: int


def record_of(look: RunLook) -> RunRecord:
    """Return what the store keeps of a look at a run."""
    progress = look.progress
    ended = progress.ended
    return RunRecord(
        id=look.id,
        created=run_created(look.folder),
        config=look.config,
        status=look.status,
        step=progress.step,
        steps=progress.steps,
        loss=progress.loss[-1][1] if progress.loss else None,
        metric=progress.best.value if progress.best else None,
        seconds=progress.seconds,
        reason=ended.reason if ended else "",
        told=look.told,
    )


def save_runs(store: Store, records: Sequence[RunRecord]) -> None:
    """Write what is new of some runs, all in one transaction."""
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
                    record.told,
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
    """Return the evals of a run as it is, by spec and side.

    What was evaluated before the run went on is not among them.
    """
    rows = store.read(
        "SELECT spec_name, side, eval_id, told FROM db.run_evals WHERE run_id = $1", [record.id]
    )
    found = [RunEval(name, Side(side), eval_id, told) for name, side, eval_id, told in rows]
    return {
        (each.spec_name, each.side): each
        for each in found
        if each.side is Side.BEFORE or each.told == record.told
    }


def link_eval(store: Store, run_id: str, linked: RunEval) -> None:
    """Say that an eval shows a run's base or outcome on a spec, in the place of any before."""
    with store.transaction() as cursor:
        cursor.execute(
            "DELETE FROM db.run_evals WHERE run_id = $1 AND spec_name = $2 AND side = $3",
            [run_id, linked.spec_name, linked.side.value],
        )
        cursor.execute(
            "INSERT INTO db.run_evals (run_id, spec_name, side, eval_id, told)"
            " VALUES ($1, $2, $3, $4, $5)",
            [run_id, linked.spec_name, linked.side.value, linked.eval_id, linked.told],
        )


def without_worker(record: RunRecord) -> RunRecord:
    """Return the record of a run whose folder is gone: no worker of it can be at work."""
    return replace(record, status=RunStatus.DIED) if record.status.going else record


@dataclass(frozen=True, slots=True)
class RunList:
    """The runs, the newest first.

    ``gone`` are the names of those whose folder is not there any more; ``problems`` says which
    folders could not be read, and why.
    """

    records: tuple[RunRecord, ...] = ()
    gone: frozenset[str] = frozenset()
    problems: tuple[str, ...] = ()

    @property
    def going(self) -> tuple[RunRecord, ...]:
        """The runs with a worker at work."""
        return tuple(record for record in self.records if record.status.going)


class RunShelf:
    """Reads the runs again and again; a run that ended long ago costs one look at its size.

    Use it from one thread at a time.
    """

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._watches: dict[str, RunWatch] = {}

    def read(self, store: Store) -> RunList:
        """Read every run, and write into the store what ended or began since.

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
                    record = record_of(self.look(folder))
            except InputError as error:
                problems.append(str(error))
            if record is not None:
                found[record.id] = record
        save_runs(store, [each for each in found.values() if _is_worth_writing(each, known)])
        gone = known.keys() - found.keys()
        records = (*found.values(), *(without_worker(known[name]) for name in gone))
        return RunList(_newest_first(records), frozenset(gone), tuple(problems))

    def look(self, folder: RunFolder) -> RunLook:
        """Look at one run with its curves and its log.

        Raises:
            InputError: the folder is no run's, or its settings cannot be read.
        """
        name = folder.path.name
        if name not in self._watches:
            self._watches[name] = RunWatch(folder)
        return self._watches[name].look()


def _has_news(folder: RunFolder, record: RunRecord) -> bool:
    """Whether a run may have gone on since its record was made."""
    try:
        told = folder.events.stat().st_size
    except OSError:
        return True
    last = last_launch(folder)
    uncertain = record.status in {RunStatus.RUNNING, RunStatus.WAITING, RunStatus.DIED}
    return uncertain or told != record.told or (last is not None and last.told >= told)


def _is_worth_writing(record: RunRecord, known: dict[str, RunRecord]) -> bool:
    """Whether the store should have it now: while a run goes on, its folder says more."""
    before = known.get(record.id)
    return before is None or not record.status.going or before.status is not record.status


def _newest_first(records: Iterable[RunRecord]) -> tuple[RunRecord, ...]:
    return tuple(sorted(records, key=lambda record: (record.created, record.id), reverse=True))
