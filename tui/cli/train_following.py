"""Looking on while a run goes, and evaluating it in the end."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Final

from core.errors import InputError, RejudgeError, StoreLockedError
from core.records import Progress
from core.store.opening import open_workspace_store
from core.text import displayable_line
from train.runs.events import EventFollower, event_line
from train.runs.progress import RunReader, RunStatus
from tui.cli.progress_events import shown_progress
from tui.cli.progress_line import progress_line

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from core.workspace import Workspace
    from train.dataset.summary import TrainingSetSummary
    from train.runs.folder import RunFolder
    from train.runs.progress import RunView


STOPPING: Final = "stopping: the step at hand is finished first …"
_LOOK: Final = 0.2
_INTERRUPTED: Final = 130
_LOG_LINES: Final = 3


def tell_prepared(
    arguments: argparse.Namespace, folder: RunFolder, summary: TrainingSetSummary
) -> None:
    """Say which run was made and what it trains on."""
    from tui.shown.runs import summary_document, summary_lines

    name = folder.path.name
    if arguments.json:
        _tell(
            {
                "event": "prepared",
                "run": name,
                "folder": str(folder.path),
                "training_set": summary_document(summary),
            }
        )
        return
    for line in (*summary_lines(summary), "", f"run {name}"):
        print(displayable_line(line), flush=True)


def tell_resumed(arguments: argparse.Namespace, folder: RunFolder) -> None:
    """Say which run goes on."""
    name = folder.path.name
    if arguments.json:
        _tell({"event": "resumed", "run": name, "folder": str(folder.path)})
    else:
        print(f"run {name} goes on after its last checkpoint", flush=True)


def follow(workspace: Workspace, folder: RunFolder, arguments: argparse.Namespace) -> int:
    """Look on until the worker ends, then evaluate what came of it; return the exit status.

    Raises:
        RejudgeError: the run failed or died; the message says why and how to go on.
    """
    look, interrupted = _followed(folder, arguments)
    name = folder.path.name
    if look.status is RunStatus.FINISHED:
        if not arguments.json:
            print(_end_line(look), flush=True)
        return evaluate_after(workspace, folder, arguments)
    _record(workspace)
    if look.status is RunStatus.STOPPED:
        said = f"stopped at step {look.progress.step:,}; all up to there is kept"
        todo = f"Go on with: rejudge train --resume {name}"
        print(f"{said}\n{todo}", file=sys.stderr)
        return _INTERRUPTED if interrupted else 0
    if look.status is RunStatus.WAITING:
        print(
            f"stopped before it began\nStart it with: rejudge train --resume {name}",
            file=sys.stderr,
        )
        return _INTERRUPTED
    raise _fault(look)


def evaluate_after(workspace: Workspace, folder: RunFolder, arguments: argparse.Namespace) -> int:
    """Evaluate a finished run where that is still to be done, and say what it changed.

    Raises:
        InputError: the run is not finished, or a spec or the base is not there any more.
    """
    from core.jobs import Job
    from train.runs.outcome import evaluate_run, outcomes
    from train.runs.store import WorkspaceRuns
    from tui.shown.runs import outcome_document, outcome_lines

    name = folder.path.name
    try:
        with open_workspace_store(workspace) as store:
            runs = WorkspaceRuns(workspace.folder).read(store)
            record = next(each for each in runs.records if each.id == name)
            if record.status is not RunStatus.FINISHED:
                raise InputError(
                    f"the run is {record.status}, so there is nothing to evaluate yet",
                    where=name,
                    todo=f"Go on with: rejudge train --resume {name}",
                )
            with shown_progress(arguments, "evaluating") as show:
                evaluate_run(store, folder, record, Job(show))
            changed = outcomes(store, record)
    except StoreLockedError as error:
        print(displayable_line(error.headline), file=sys.stderr)
        print(
            "  The run is kept. The open rejudge evaluates it; else: rejudge train --evaluate"
            f" {name}",
            file=sys.stderr,
        )
        return 0
    if arguments.json:
        _tell(
            {
                "event": "compared",
                "run": name,
                "model": str(folder.model),
                "outcomes": [outcome_document(outcome) for outcome in changed],
            }
        )
        return 0
    for line in outcome_lines(changed):
        print(line)
    print(f"\nThe model: {displayable_line(str(folder.model))}")
    return 0


def _followed(folder: RunFolder, arguments: argparse.Namespace) -> tuple[RunView, bool]:
    """Return how the run ended, and whether the person stopped it here."""
    from train.runs.process import ask_to_stop

    reader = RunReader(folder)
    tell = _event_teller(folder) if arguments.json else lambda: None
    interrupted = False
    with progress_line() as show:
        while True:
            try:
                look = reader.read()
                tell()
                if not look.status.going:
                    tell()
                    return look, interrupted
                show(_shown(look, stopping=interrupted))
                time.sleep(_LOOK)
            except KeyboardInterrupt:
                if interrupted:
                    raise
                interrupted = True
                print(STOPPING, file=sys.stderr)
                try:
                    ask_to_stop(folder)
                except InputError:
                    continue  # it ended just now


def _event_teller(folder: RunFolder) -> Callable[[], None]:
    """Return what prints the events that came since the last call, those of this start only."""
    follower = EventFollower(folder.events)
    follower.skip_to_last_launch()

    def tell() -> None:
        for timed in follower.new_events():
            print(event_line(timed.event, timed.time), flush=True)

    return tell


def _shown(look: RunView, *, stopping: bool) -> Progress:
    progress = look.progress
    stepped = progress.stepped
    if stopping:
        note = "stopping"
    elif stepped is None:
        note = "starting"
    else:
        note = f"loss {progress.loss[-1][1]:.4f}, {stepped.pairs_per_second:.1f} pairs/s"
    if progress.best is not None:
        note += f", best {progress.best.metric} {progress.best.value:.3f}"
    return Progress(progress.step, progress.steps or None, note)


def _end_line(look: RunView) -> str:
    progress = look.progress
    best = progress.best
    said = f"finished after {progress.step:,} steps and {progress.seconds:,.0f} s"
    return f"{said}; best {best.metric} {best.value:.3f} at step {best.step:,}" if best else said


def _fault(look: RunView) -> RejudgeError:
    """Return why a run failed or died, as an error."""
    ended = look.progress.ended
    resume = f"Go on after the last checkpoint: rejudge train --resume {look.id}"
    if ended is not None:
        todo = ended.todo or resume
        return RejudgeError(ended.reason or "the run failed", where=look.id, todo=todo)
    last = " / ".join(look.log[-_LOG_LINES:])
    said = f"the worker died at step {look.progress.step:,}"
    return RejudgeError(f"{said}: {last}" if last else said, where=look.id, todo=resume)


def _record(workspace: Workspace) -> None:
    """Let the store know, unless another process has it: that one will see for itself."""
    from train.runs.store import WorkspaceRuns

    try:
        with open_workspace_store(workspace) as store:
            WorkspaceRuns(workspace.folder).read(store)
    except StoreLockedError:
        return


def _tell(document: dict[str, object]) -> None:
    print(json.dumps(document, ensure_ascii=False, allow_nan=False), flush=True)
