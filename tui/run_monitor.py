"""Training runs while the app is open: read every second, evaluated when they finish."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

from core.errors import CancelledError, InputError, RejudgeError
from train.runs.folder import run_folders
from train.runs.outcome import outcomes, unevaluated
from train.runs.progress import RunStatus
from train.runs.store import RunList, WorkspaceRuns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from core.store.database import Store
    from core.workspace import Workspace
    from train.runs.folder import RunFolder
    from train.runs.outcome import SpecOutcome
    from train.runs.progress import RunView
    from train.runs.store import RunRecord
    from tui.jobs import Background, Running


@dataclass(frozen=True, slots=True)
class RunsSeen:
    """The runs at one moment.

    Args:
        runs: all runs in brief.
        views: the wanted runs in full, by name; without those whose folder is gone.
        outcomes: what the wanted runs changed, as far as it is evaluated.
        due: finished runs that still have to be evaluated.
    """

    runs: RunList = field(default_factory=RunList)
    views: Mapping[str, RunView] = field(default_factory=dict)
    outcomes: Mapping[str, tuple[SpecOutcome, ...]] = field(default_factory=dict)
    due: tuple[RunRecord, ...] = ()

    def record(self, name: str) -> RunRecord | None:
        """Return a run in brief."""
        return next((each for each in self.runs.records if each.id == name), None)


class RunsReader:
    """Reads the runs again and again. Use it from one thread at a time.

    Args:
        workspace: the ``.rejudge`` folder.
    """

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._runs = WorkspaceRuns(workspace)
        self._settled: dict[tuple[str, int], tuple[SpecOutcome, ...]] = {}

    def read(self, store: Store, wanted: Sequence[str]) -> RunsSeen:
        """Read all runs in brief and the wanted ones in full.

        Raises:
            StoreError: the store cannot be read or written.
        """
        runs = self._runs.read(store)
        records = {record.id: record for record in runs.records}
        views = {}
        for folder in run_folders(self._workspace):
            name = folder.path.name
            if name in wanted and name in records:
                try:
                    views[name] = self._runs.view(folder)
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
        return RunsSeen(runs, views, changed, due)

    def _outcomes(
        self, store: Store, record: RunRecord, *, settled: bool
    ) -> tuple[SpecOutcome, ...]:
        """Return what a run changed; kept once all of it is evaluated."""
        if record.status is not RunStatus.FINISHED:
            return ()
        key = (record.id, record.position)
        if key in self._settled:
            return self._settled[key]
        found = outcomes(store, record)
        if settled:
            self._settled[key] = found
        return found


class RunMonitor:
    """Watches the runs for the whole app. Use it on the UI thread.

    Args:
        workspace: whose runs.
        background: where the work is done.
        seen: called after each reading with the state before.
        evaluated: called with a run and what it changed, once that was evaluated here.
        failed: shows an error.

    Attributes:
        last: the latest state; None before the first reading.
        job: the evaluations under way; None: there are none.
        evaluating: the run that they are of; empty: none.
        wanted: the runs to read in full.
    """

    def __init__(
        self,
        workspace: Workspace,
        background: Background,
        *,
        seen: Callable[[RunsSeen | None], None],
        evaluated: Callable[[str, tuple[SpecOutcome, ...]], None],
        failed: Callable[[RejudgeError], None],
    ) -> None:
        self._workspace = workspace
        self._background = background
        self._seen = seen
        self._tell_evaluated = evaluated
        self._failed = failed
        self._reader: RunsReader | None = None
        self._reading = self._again = False
        self._evaluated: list[str] = []
        self._tried: set[tuple[str, int]] = set()
        self._stopping: dict[str, float] = {}
        self.last: RunsSeen | None = None
        self.job: Running | None = None
        self.evaluating = ""
        self.wanted: tuple[str, ...] = ()

    def refresh(self, store: Store | None) -> None:
        """Read the runs now; when that is under way, once more after it."""
        if store is None or self._background.closing:
            return
        if self._reading:
            self._again = True
            return
        self._reading = True
        wanted = (*self.wanted, *self._evaluated)

        def read() -> RunsSeen:
            if self._reader is None:
                self._reader = RunsReader(self._workspace.folder)
            return self._reader.read(store, wanted)

        self._background.start(read, lambda seen: self._take(store, seen), self._not_read)

    def refresh_if_any(self, store: Store | None) -> None:
        """Read the runs if there may be any: without a run it costs nothing."""
        from train.runs.folder import RUNS_NAME

        runs = self._workspace.folder / RUNS_NAME
        if self.last is None or self.last.runs.records or runs.exists():
            self.refresh(store)

    def is_stopping(self, name: str) -> bool:
        """Return whether a run was asked to stop from here and still goes on."""
        return name in self._stopping

    def stop(self, store: Store, name: str) -> None:
        """Ask a run to finish its step, write a checkpoint and end."""
        from train.runs.process import ask_to_stop

        self._stopping[name] = monotonic()
        self._background.start(
            lambda: ask_to_stop(self.folder(name)),
            lambda _: self.refresh(store),
            lambda error: self._not_stopped(name, error),
        )

    def resume(self, store: Store, name: str) -> None:
        """Start a run's worker from its last checkpoint."""
        from train.runs.process import launch

        self._background.start(
            lambda: launch(self.folder(name)), lambda _: self.refresh(store), self._failed
        )

    def evaluate(self, store: Store, record: RunRecord) -> None:
        """Run the evaluations that a finished run still lacks; one run at a time."""
        if self.job is not None:
            return
        self._tried.add((record.id, record.position))
        self.evaluating = record.id

        def evaluate(running: Running) -> int:
            from train.runs.outcome import evaluate_run

            return evaluate_run(store, self.folder(record.id), record, running.job)

        def done(_: int) -> None:
            self._evaluated.append(record.id)
            self._end_job(store)

        def failed(error: RejudgeError) -> None:
            if not isinstance(error, CancelledError):
                self._failed(error)
            self._end_job(store)

        self.job = self._background.run(evaluate, done, failed)

    def folder(self, name: str) -> RunFolder:
        """Return a run's folder."""
        from train.runs.folder import RUNS_NAME, RunFolder

        return RunFolder(self._workspace.folder / RUNS_NAME / name)

    def _take(self, store: Store, seen: RunsSeen) -> None:
        before, self.last = self.last, seen
        self._reading = False
        self._forget_stopped(seen)
        for record in seen.due:
            if (record.id, record.position) not in self._tried:
                self.evaluate(store, record)
                break
        self._seen(before)
        for name in list(self._evaluated):
            if name in seen.outcomes:
                self._evaluated.remove(name)
                self._tell_evaluated(name, seen.outcomes[name])
        if self._again:
            self._again = False
            self.refresh(store)

    def _forget_stopped(self, seen: RunsSeen) -> None:
        """Kill the workers that did not hear the request to stop; forget those that ended."""
        from train.runs.process import PATIENCE, kill_unless_stopping

        going = {record.id for record in seen.runs.going}
        for name, since in list(self._stopping.items()):
            if name not in going:
                del self._stopping[name]
            elif monotonic() - since > PATIENCE:
                kill_unless_stopping(self.folder(name))

    def _not_read(self, error: RejudgeError) -> None:
        self._reading = False
        self._failed(error)

    def _not_stopped(self, name: str, error: RejudgeError) -> None:
        self._stopping.pop(name, None)
        if not isinstance(error, InputError):  # else it ended just now
            self._failed(error)

    def _end_job(self, store: Store) -> None:
        self.job, self.evaluating = None, ""
        self.refresh(store)
