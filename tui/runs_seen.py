"""One look at the runs of a workspace: all of them in brief, some of them in full."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.errors import InputError
from train.run_finding import run_folders
from train.run_shelf import RunList, RunShelf
from train.run_status import RunStatus
from tui.after_run import outcomes, unevaluated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from core.store import Store
    from train.run_store import RunRecord
    from train.run_watching import RunLook
    from tui.after_run import SpecOutcome


@dataclass(frozen=True, slots=True)
class RunsSeen:
    """What one look saw.

    Args:
        runs: all runs in brief.
        looks: those that were asked for in full, by their names; one whose folder is gone is not
            among them.
        outcomes: what those changed, as far as it is evaluated.
        due: finished runs that are to be evaluated yet.
    """

    runs: RunList = field(default_factory=RunList)
    looks: Mapping[str, RunLook] = field(default_factory=dict)
    outcomes: Mapping[str, tuple[SpecOutcome, ...]] = field(default_factory=dict)
    due: tuple[RunRecord, ...] = ()

    def record(self, name: str) -> RunRecord | None:
        """Return a run in brief."""
        return next((each for each in self.runs.records if each.id == name), None)


class RunsReader:
    """Looks again and again. Use it from one thread at a time.

    Args:
        workspace: the ``.rejudge`` folder.
    """

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._shelf = RunShelf(workspace)
        self._settled: dict[tuple[str, int], tuple[SpecOutcome, ...]] = {}

    def read(self, store: Store, wanted: Sequence[str]) -> RunsSeen:
        """Look at all runs, at the wanted ones in full.

        Raises:
            StoreError: the store cannot be read or written.
        """
        runs = self._shelf.read(store)
        records = {record.id: record for record in runs.records}
        looks = {}
        for folder in run_folders(self._workspace):
            name = folder.path.name
            if name in wanted and name in records:
                try:
                    looks[name] = self._shelf.look(folder)
                except InputError:
                    continue  # the list names it among its problems
        due = tuple(
            record
            for record in runs.records
            if record.status is RunStatus.FINISHED
            and record.id not in runs.gone
            and unevaluated(store, record)
        )
        waiting = {record.id for record in due}
        changed = {
            name: self._outcomes(store, records[name], settled=name not in waiting)
            for name in wanted
            if name in records
        }
        return RunsSeen(runs, looks, changed, due)

    def _outcomes(
        self, store: Store, record: RunRecord, *, settled: bool
    ) -> tuple[SpecOutcome, ...]:
        """Return what a run changed; once all is evaluated, it is worked out once."""
        if record.status is not RunStatus.FINISHED:
            return ()
        key = (record.id, record.told)
        if key in self._settled:
            return self._settled[key]
        found = outcomes(store, record)
        if settled:
            self._settled[key] = found
        return found
