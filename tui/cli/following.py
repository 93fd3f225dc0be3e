"""Watching a training run from the command line, and evaluating it when it has finished."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

from core.errors import InputError, RejudgeError, StoreLockedError
from core.jobs import Job
from core.records import Progress
from core.store.opening import open_workspace_store
from train.runs.events import EventFollower, event_line
from train.runs.outcome import evaluate_run, outcomes
from train.runs.process import ask_to_stop
from train.runs.progress import RunReader, RunStatus
from train.runs.store import WorkspaceRuns
from tui.cli.output import EXIT_DONE, EXIT_INTERRUPTED, notice, progress_bar
from tui.shown.runs import outcome_document, outcome_lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.store.database import Store
    from core.workspace import Workspace
    from train.runs.folder import RunFolder
    from train.runs.progress import RunView
    from train.runs.store import RunRecord
    from tui.cli.output import Call

STOPPING: Final = "stopping after the step in hand …"
#: Seconds between reads of a run.
_PERIOD: Final = 0.2
_LOG_LINES: Final = 3


def follow(call: Call, workspace: Workspace, folder: RunFolder) -> int:
    """Watch a run until its worker ends, evaluate it, and return the exit status.

    Raises:
        RejudgeError: the run failed or died; the message says why and how to go on.
    """
    view, interrupted = _watch(call, folder)
    name = folder.path.name
    if view.status is RunStatus.FINISHED:
        if not call.json:
            print(_end_line(view), flush=True)
        return evaluate_after(call, workspace, folder)
    _update_store(workspace)
    if view.status is RunStatus.STOPPED:
        notice(f"stopped at step {view.progress.step:,}; everything up to there is kept")
        notice(f"Go on with: rejudge train --resume {name}")
        return EXIT_INTERRUPTED if interrupted else EXIT_DONE
    if view.status is RunStatus.WAITING:
        notice("stopped before its first step")
        notice(f"Start it with: rejudge train --resume {name}")
        return EXIT_INTERRUPTED
    raise _failure(view)


def evaluate_after(call: Call, workspace: Workspace, folder: RunFolder) -> int:
    """Evaluate a finished run where that is still to be done, and say what it changed.

    Raises:
        InputError: the run is not finished, or a spec or the base is not there any more.
    """
    name = folder.path.name
    try:
        with open_workspace_store(workspace) as store:
            record = _evaluate(call, store, folder)
            changed = outcomes(store, record)
    except StoreLockedError as error:
        notice(error.headline)
        notice(
            "  The run is kept. The rejudge that is open evaluates it; if not, use: rejudge train"
            f" --evaluate {name}"
        )
        return EXIT_DONE
    document = {
        "event": "compared",
        "run": name,
        "model": str(folder.model),
        "outcomes": [outcome_document(outcome) for outcome in changed],
    }
    call.answer(document, [*outcome_lines(changed), "", f"The model: {folder.model}"])
    return EXIT_DONE


def _evaluate(call: Call, store: Store, folder: RunFolder) -> RunRecord:
    name = folder.path.name
    records = {each.id: each for each in WorkspaceRuns(store.folder).read(store).records}
    record = records[name]
    if record.status is not RunStatus.FINISHED:
        raise InputError(
            f"the run is {record.status}, so there is nothing to evaluate yet",
            where=name,
            todo=f"Go on with: rejudge train --resume {name}",
        )
    with call.progress("evaluating") as show:
        evaluate_run(store, folder, record, Job(show))
    return record


def _watch(call: Call, folder: RunFolder) -> tuple[RunView, bool]:
    """Return how the run ended, and whether Ctrl-C ended it here."""
    reader = RunReader(folder)
    print_events = _event_printer(folder) if call.json else lambda: None
    interrupted = False
    with progress_bar() as show:
        while True:
            try:
                view = reader.read()
                print_events()
                if not view.status.going:
                    print_events()
                    return view, interrupted
                show(_shown(view, stopping=interrupted or view.progress.stopping))
                time.sleep(_PERIOD)
            except KeyboardInterrupt:
                if interrupted:
                    raise
                interrupted = True
                print(STOPPING, file=sys.stderr)
                try:
                    ask_to_stop(folder)
                except InputError:
                    continue  # it ended just now


def _event_printer(folder: RunFolder) -> Callable[[], None]:
    """Return a function that prints the events since its last call, of this start only."""
    follower = EventFollower(folder.events)
    follower.skip_to_last_launch()

    def print_events() -> None:
        for timed in follower.new_events():
            print(event_line(timed.event, timed.time), flush=True)

    return print_events


def _shown(view: RunView, *, stopping: bool) -> Progress:
    progress = view.progress
    stepped = progress.stepped
    if stopping:
        note = "stopping"
    elif progress.evaluating is not None:
        at = progress.evaluating
        note = f"held-out evaluation: {at.done:,} of {at.total:,} texts"
    elif stepped is None:
        note = "starting"
    else:
        note = f"loss {progress.loss[-1][1]:.4f}, {stepped.pairs_per_second:.1f} pairs/s"
    if progress.best is not None:
        note += f", best {progress.best.metric} {progress.best.value:.3f}"
    return Progress(progress.step, progress.steps or None, note)


def _end_line(view: RunView) -> str:
    progress = view.progress
    best = progress.best
    line = f"finished after {progress.step:,} steps and {progress.seconds:,.0f} s"
    return f"{line}; best {best.metric} {best.value:.3f} at step {best.step:,}" if best else line


def _failure(view: RunView) -> RejudgeError:
    """Return why a run failed or died, as an error."""
    ended = view.progress.ended
    resume = f"Go on after the last checkpoint: rejudge train --resume {view.id}"
    if ended is not None:
        todo = ended.todo or resume
        return RejudgeError(ended.reason or "the run failed", where=view.id, todo=todo)
    last = " / ".join(view.log[-_LOG_LINES:])
    what = f"the worker died at step {view.progress.step:,}"
    return RejudgeError(f"{what}: {last}" if last else what, where=view.id, todo=resume)


def _update_store(workspace: Workspace) -> None:
    """Record the run's state, unless another process has the store: that one reads it itself."""
    try:
        with open_workspace_store(workspace) as store:
            WorkspaceRuns(workspace.folder).read(store)
    except StoreLockedError:
        return
