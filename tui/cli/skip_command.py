"""``rejudge skip``: pass a pair over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.store.opening import open_workspace_store
from labels.audit.labelling import skip_pair
from tui.cli.answers import answer
from tui.cli.arguments import add_annotator_argument, add_json_argument, workspace_of
from tui.shown.runs import event_document

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument("pair", metavar="PAIR", help="the pair's id, or its first digits")
    add_annotator_argument(parser)
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Record that the pair is passed over; it is not drawn again for this annotator."""
    workspace = workspace_of(arguments)
    workspace.require()
    with open_workspace_store(workspace) as store:
        done = skip_pair(store, arguments.pair, workspace.annotator(arguments.annotator))
    answer(arguments, event_document(done.event), ["Skipped. Take it back: rejudge undo"])
    return 0
