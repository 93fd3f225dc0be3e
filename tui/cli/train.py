"""``rejudge train`` and ``rejudge runs``: training runs."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import Parameter
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from core.errors import InputError
from core.jobs import Job
from core.store.opening import open_workspace_store
from core.text import displayable_line
from train.dataset.building import build_training_set
from train.dataset.enough import require_enough
from train.options import command_line, config_from, plan_from, train_options
from train.runs.folder import find_run
from train.runs.outcome import outcomes
from train.runs.process import launch, stop
from train.runs.store import WorkspaceRuns
from tui.cli.groups import command, new_app
from tui.cli.options import Choice, OptionsFrom
from tui.cli.output import Call, notice, progress_bar
from tui.shown.runs import (
    list_line,
    outcome_document,
    outcome_lines,
    record_document,
    summary_document,
    summary_lines,
    view_document,
    view_lines,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core.store.database import Store
    from core.workspace import Workspace
    from train.config import RunConfig
    from train.runs.folder import RunFolder
    from train.runs.progress import RunView
    from train.runs.store import RunList, RunRecord

_RUN_HELP: Final = "a run's name, the end of it, or latest"

app = new_app()


def _setting_options() -> Iterable[Parameter]:
    """Return the options that ``train.options`` makes of the declared settings."""
    for option in train_options():
        kind: Any = option.kind
        default: object = False if kind is bool else None
        if option.repeated:
            kind = list[kind] | None
        elif kind is not bool:
            kind = kind | None
        info = typer.Option(
            option.flag,
            metavar=option.metavar if not option.choices else None,
            help=_sentence(option.help),
            rich_help_panel=option.group,
        )
        notes = (info, Choice(option.choices)) if option.choices else (info,)
        yield Parameter(
            option.name,
            Parameter.KEYWORD_ONLY,
            default=default,
            annotation=Annotated[(kind, *notes)],
        )


def _sentence(text: str) -> str:
    """Return a clause as a sentence of the help; a name at its beginning stays as it is."""
    first = text.partition(" ")[0]
    start = text[:1].upper() if first.isalpha() else text[:1]
    return f"{start}{text[1:]}.".replace("[", "\\[")


@command(
    app,
    "train",
    more="It trains on people's grades and calibrated grades; raw scores of a judge only if asked"
    " to. It evaluates on the specs before and after. Ctrl-C ends a run after the step in hand;"
    " --resume goes on from there. A run survives the terminal that started it.",
    examples=(
        "rejudge train --dry-run",
        "rejudge train --loss contrastive=1,kl=0.5 --epochs 3 --lora 16",
        "rejudge train --resume latest",
    ),
)
def train(
    call: Call,
    settings: Annotated[Mapping[str, Any], OptionsFrom(_setting_options)],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what it would train on.")
    ] = False,
    resume: Annotated[
        str,
        typer.Option(
            metavar="RUN", help=f"Go on with a run after its last checkpoint: {_RUN_HELP}."
        ),
    ] = "",
    stop: Annotated[
        str, typer.Option(metavar="RUN", help="Let a run finish its step, and stop it.")
    ] = "",
    evaluate: Annotated[
        str,
        typer.Option(metavar="RUN", help="Evaluate a finished run, if that has not been done yet."),
    ] = "",
    detach: Annotated[
        bool, typer.Option("--detach", help="Start the run, and do not wait for it.")
    ] = False,
) -> int:
    """Train, or do what else is asked for about a run."""
    from tui.cli.following import evaluate_after

    workspace = call.workspace()
    given = {"--dry-run": dry_run, "--resume": resume, "--stop": stop, "--evaluate": evaluate}
    chosen = [option for option, value in given.items() if value]
    if len(chosen) > 1:
        raise InputError(
            f"{chosen[0]} and {chosen[1]} exclude each other", todo="See: rejudge train --help"
        )
    if stop:
        return _stop(call, find_run(workspace.folder, stop))
    if evaluate:
        return evaluate_after(call, workspace, find_run(workspace.folder, evaluate))
    if resume:
        folder = find_run(workspace.folder, resume)
        return _start(call, workspace, folder, resumed=True, detach=detach)
    if dry_run:
        return _show_training_set(call, workspace, settings)
    folder = _make(call, workspace, settings)
    return _start(call, workspace, folder, resumed=False, detach=detach)


def _show_training_set(call: Call, workspace: Workspace, settings: Mapping[str, Any]) -> int:
    plan = plan_from(settings)
    with open_workspace_store(workspace) as store, progress_bar() as show:
        _ = _config(store, settings)
        _, summary = build_training_set(store, plan, Job(show))
    document: dict[str, object] = {"training_set": summary_document(summary), "enough": True}
    lines = summary_lines(summary)
    try:
        require_enough(summary)
    except InputError as error:
        document |= {"enough": False, "problem": str(error)}
        lines += ["", displayable_line(f"not enough: {error}")]
    call.answer(document, lines)
    return 0 if document["enough"] else 1


def _make(call: Call, workspace: Workspace, settings: Mapping[str, Any]) -> RunFolder:
    from train.runs.making import make_run

    plan = plan_from(settings)
    with open_workspace_store(workspace) as store, call.progress("preparing") as show:
        folder, summary = make_run(store, _config(store, settings), plan, Job(show))
    name = folder.path.name
    document = {
        "event": "prepared",
        "run": name,
        "folder": str(folder.path),
        "training_set": summary_document(summary),
    }
    call.answer(document, [*summary_lines(summary), "", f"run {name}"])
    return folder


def _config(store: Store, settings: Mapping[str, Any]) -> RunConfig:
    from tui.run_form import chosen_specs

    return config_from(settings, chosen_specs(store, settings["specs"]))


def _stop(call: Call, folder: RunFolder) -> int:
    from tui.cli.following import STOPPING

    in_order = stop(folder, asked=lambda: notice(STOPPING))
    name = folder.path.name
    line = f"{name} stopped" if in_order else f"{name} did not answer and was killed"
    call.answer(
        {"run": name, "stopped": in_order}, [line, f"Resume it with: rejudge train --resume {name}"]
    )
    return 0


def _start(
    call: Call, workspace: Workspace, folder: RunFolder, *, resumed: bool, detach: bool
) -> int:
    from core.encoder.blas import slowness
    from tui.cli.following import follow

    if warning := slowness():
        notice(warning)
    launch(folder)
    name = folder.path.name
    if resumed:
        document = {"event": "resumed", "run": name, "folder": str(folder.path)}
        call.answer(document, [f"run {name} goes on after its last checkpoint"])
    if detach:
        lines = [f"run {name} has started", f"See how it goes with: rejudge runs {name}"]
        call.answer({"event": "detached", "run": name}, lines)
        return 0
    return follow(call, workspace, folder)


@command(
    app,
    "runs",
    more="Of a run it shows the curves, why it ended, the metrics before and after, and the command"
    " that starts the same run again.",
    examples=("rejudge runs", "rejudge runs latest"),
)
def runs(
    call: Call,
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN", help=f"{_RUN_HELP[:1].upper()}{_RUN_HELP[1:]}. Without it, list all."
        ),
    ] = None,
) -> int:
    """List the runs, or show a run."""
    workspace = call.workspace()
    with open_workspace_store(workspace) as store:
        reader = WorkspaceRuns(workspace.folder)
        found = reader.read(store)
        for problem in found.problems:
            notice(f"note: {problem}")
        if run is not None:
            return _show_run(call, store, reader, found, run)
    lines = [list_line(record, gone=record.id in found.gone) for record in found.records]
    document = {"runs": [record_document(record) for record in found.records]}
    call.answer(document, lines or ["No runs yet. Start one with: rejudge train"])
    return 0


def _show_run(call: Call, store: Store, reader: WorkspaceRuns, found: RunList, name: str) -> int:
    known = {record.id: record for record in found.records}
    view = None if name in found.gone else reader.view(find_run(store.folder, name))
    record = known[name if view is None else view.id]
    changed = outcomes(store, record)
    command_line = _command_line(record, view)
    document = record_document(record) | {
        "command": command_line,
        "outcomes": [outcome_document(outcome) for outcome in changed],
    }
    if view is not None:
        document |= view_document(view)
    lines = [*view_lines(record, view), *outcome_lines(changed), ""]
    call.answer(document, [*lines, *([f"$ {command_line}"] if command_line else [])])
    return 0


def _command_line(record: RunRecord, view: RunView | None) -> str:
    """Return the command that starts the same run again; empty where its training set is gone."""
    from train.runs.making import plan_of_run

    if view is None:
        return ""
    try:
        return command_line(record.config, plan_of_run(view.folder))
    except InputError:
        return ""
