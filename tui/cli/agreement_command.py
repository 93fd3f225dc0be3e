"""``rejudge agreement``: how far judges and people can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.cli.answers import answer
from tui.cli.arguments import add_json_argument, workspace_of
from tui.cli.reading_store import reading_store

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument("--judge", default="", metavar="NAME", help="only the judges of this name")
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Measure and show, every figure with its interval or the reason why it has none."""
    workspace = workspace_of(arguments)
    workspace.require()
    from labels.trust import measure_trust
    from tui.shown.agreement import document, lines

    with reading_store(workspace) as store:
        trust = measure_trust(store, arguments.judge, workspace.annotator())
    answer(arguments, document(trust), lines(trust))
    return 0
