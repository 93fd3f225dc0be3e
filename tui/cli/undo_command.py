"""``rejudge undo``: take back the last thing done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.store.opening import open_workspace_store
from labels.audit.labelling import undo_last
from tui.cli.answers import answer
from tui.cli.arguments import add_annotator_argument, add_json_argument, workspace_of
from tui.shown.runs import event_document

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    add_annotator_argument(parser)
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Take back the annotator's last event; the undone one stays on record."""
    workspace = workspace_of(arguments)
    workspace.require()
    with open_workspace_store(workspace) as store:
        undone = undo_last(store, workspace.annotator(arguments.annotator))
    graded = f" of {undone.grade}" if undone.grade is not None else ""
    answer(
        arguments,
        {**event_document(undone), "undone": undone.action.value, "action": "undo"},
        [f"Took back the {undone.action}{graded} on pair {str(undone.pair_id)[:8]}."],
    )
    return 0
