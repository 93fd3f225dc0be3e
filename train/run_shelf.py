"""All runs of a workspace: what the folders tell, and what the store remembers of those gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import InputError
from train.run_finding import run_folders
from train.run_launch import last_launch
from train.run_status import RunStatus
from train.run_store import RunRecord, list_runs, record_of, save_runs, without_worker
from train.run_watching import RunLook, RunWatch

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from core.store import Store
    from train.run_folder import RunFolder


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
