"""``rejudge runs``: the training runs, or one of them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from core.errors import InputError
from core.store.opening import open_workspace_store
from core.text import displayable_line
from tui.cli.answers import answer
from tui.cli.arguments import add_json_argument, workspace_of

if TYPE_CHECKING:
    import argparse

    from core.store.database import Store
    from train.runs.progress import RunView
    from train.runs.store import RunList, RunRecord, WorkspaceRuns


_NONE = "No runs yet. Start one with: rejudge train"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument(
        "run", nargs="?", metavar="RUN", help="its name, an end of it, or latest; without: all"
    )
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """List the runs, or show one."""
    from train.runs.store import WorkspaceRuns
    from tui.shown.runs import list_line, record_document

    workspace = workspace_of(arguments)
    workspace.require()
    with open_workspace_store(workspace) as store:
        reader = WorkspaceRuns(workspace.folder)
        runs = reader.read(store)
        for problem in runs.problems:
            print(displayable_line(f"note: {problem}"), file=sys.stderr)
        if arguments.run is not None:
            _one(store, reader, runs, arguments)
            return 0
    lines = [list_line(record, gone=record.id in runs.gone) for record in runs.records]
    document = {"runs": [record_document(record) for record in runs.records]}
    answer(arguments, document, lines or [_NONE])
    return 0


def _one(store: Store, reader: WorkspaceRuns, runs: RunList, arguments: argparse.Namespace) -> None:
    from train.runs.folder import find_run
    from train.runs.outcome import outcomes
    from tui.shown.runs import (
        look_document,
        look_lines,
        outcome_document,
        outcome_lines,
        record_document,
    )

    known = {record.id: record for record in runs.records}
    record = known[arguments.run] if arguments.run in runs.gone else None
    look = None
    if record is None:
        look = reader.view(find_run(store.folder, arguments.run))
        record = known[look.id]
    changed = outcomes(store, record)
    command = _command(record, look)
    document = record_document(record) | {
        "command": command,
        "outcomes": [outcome_document(outcome) for outcome in changed],
    }
    if look is not None:
        document |= look_document(look)
    lines = [*look_lines(record, look), *outcome_lines(changed), ""]
    answer(arguments, document, [*lines, *([f"$ {command}"] if command else [])])


def _command(record: RunRecord, look: RunView | None) -> str:
    """Return the command that starts the same run again; empty where the snapshot is gone."""
    from train.options import command_line
    from train.runs.making import plan_of_run

    if look is None:
        return ""
    try:
        return command_line(record.config, plan_of_run(look.folder))
    except InputError:
        return ""
