"""``rejudge train``: a training run, from its training set to what it changed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from core.errors import InputError
from core.store.opening import open_workspace_store
from core.text import displayable_line
from tui.cli.answers import answer
from tui.cli.arguments import add_json_argument, workspace_of
from tui.cli.progress_line import progress_line

if TYPE_CHECKING:
    import argparse

    from core.store.database import Store
    from core.workspace import Workspace
    from train.config import RunConfig
    from train.runs.folder import RunFolder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    add_train_options(parser)
    doing = parser.add_mutually_exclusive_group()
    doing.add_argument("--dry-run", action="store_true", help="only show what it would train on")
    doing.add_argument("--resume", metavar="RUN", help="go on with a run after its last checkpoint")
    doing.add_argument("--stop", metavar="RUN", help="let a run finish its step and stop")
    doing.add_argument("--evaluate", metavar="RUN", help="evaluate a finished run if that is due")
    parser.add_argument("--detach", action="store_true", help="start it and leave it to itself")
    add_json_argument(parser)


def add_train_options(parser: argparse.ArgumentParser) -> None:
    """Declare an option for each setting of a run."""
    from train.options import train_options

    for option in train_options():
        if option.kind is bool:
            parser.add_argument(
                option.flag, dest=option.name, action="store_true", help=option.help
            )
        else:
            parser.add_argument(
                option.flag,
                dest=option.name,
                type=option.kind,
                action="append" if option.repeated else "store",
                metavar=None if option.choices else option.metavar,
                choices=option.choices or None,
                help=option.help.replace("%", "%%"),
            )


def run(arguments: argparse.Namespace) -> int:
    """Train, or do what else was asked for about a run."""
    from train.runs.folder import find_run

    workspace = workspace_of(arguments)
    workspace.require()
    if arguments.stop:
        return _stop(find_run(workspace.folder, arguments.stop), arguments)
    if arguments.evaluate:
        return _evaluate(workspace, find_run(workspace.folder, arguments.evaluate), arguments)
    if arguments.resume:
        folder = find_run(workspace.folder, arguments.resume)
        return _go(workspace, folder, arguments, resumed=True)
    if arguments.dry_run:
        return _show_training_set(workspace, arguments)
    return _go(workspace, _made(workspace, arguments), arguments, resumed=False)


def _show_training_set(workspace: Workspace, arguments: argparse.Namespace) -> int:
    from core.jobs import Job
    from train.dataset.building import build_training_set
    from train.dataset.enough import require_enough
    from train.options import plan_from
    from tui.shown.runs import summary_document, summary_lines

    plan = plan_from(vars(arguments))
    with open_workspace_store(workspace) as store, progress_line() as show:
        _ = _config(store, arguments)
        _, summary = build_training_set(store, plan, Job(show))
    document: dict[str, object] = {"training_set": summary_document(summary), "enough": True}
    lines = summary_lines(summary)
    try:
        require_enough(summary)
    except InputError as error:
        document |= {"enough": False, "problem": str(error)}
        lines += ["", displayable_line(f"not enough: {error}")]
    answer(arguments, document, lines)
    return 0 if document["enough"] else 1


def _made(workspace: Workspace, arguments: argparse.Namespace) -> RunFolder:
    from core.jobs import Job
    from train.options import plan_from
    from train.runs.making import make_run
    from tui.cli.progress_events import shown_progress
    from tui.cli.train_following import tell_prepared

    plan = plan_from(vars(arguments))
    with open_workspace_store(workspace) as store, shown_progress(arguments, "preparing") as show:
        folder, summary = make_run(store, _config(store, arguments), plan, Job(show))
    tell_prepared(arguments, folder, summary)
    return folder


def _config(store: Store, arguments: argparse.Namespace) -> RunConfig:
    from train.options import config_from
    from tui.run_form import chosen_specs

    return config_from(vars(arguments), chosen_specs(store, arguments.specs))


def _stop(folder: RunFolder, arguments: argparse.Namespace) -> int:
    from train.runs.process import stop
    from tui.cli.train_following import STOPPING

    by_itself = stop(folder, asked=lambda: print(STOPPING, file=sys.stderr))
    name = folder.path.name
    line = f"{name} stopped" if by_itself else f"{name} did not answer and was killed"
    answer(
        arguments,
        {"run": name, "stopped": by_itself},
        [line, f"Resume it with: rejudge train --resume {name}"],
    )
    return 0


def _evaluate(workspace: Workspace, folder: RunFolder, arguments: argparse.Namespace) -> int:
    from tui.cli.train_following import evaluate_after

    return evaluate_after(workspace, folder, arguments)


def _go(
    workspace: Workspace, folder: RunFolder, arguments: argparse.Namespace, *, resumed: bool
) -> int:
    from core.encoder.blas import slowness
    from train.runs.process import launch
    from tui.cli.train_following import follow, tell_resumed

    if warning := slowness():
        print(displayable_line(warning), file=sys.stderr)
    launch(folder)
    if resumed:
        tell_resumed(arguments, folder)
    name = folder.path.name
    if arguments.detach:
        lines = [f"{name} is on its way", f"Look at it with: rejudge runs {name}"]
        if arguments.json:
            answer(arguments, {"event": "detached", "run": name}, [])
        else:
            answer(arguments, {}, lines)
        return 0
    return follow(workspace, folder, arguments)
