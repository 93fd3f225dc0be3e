"""``rejudge init``: make a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.store.opening import open_workspace_store
from core.workspace import Workspace, given_path
from tui.cli.answers import answer
from tui.cli.arguments import add_json_argument

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Make ``.rejudge`` in this folder, or say that it is there."""
    root = given_path(arguments.workspace or ".").absolute()
    workspace = Workspace(root, arguments.store)
    fresh = workspace.create()
    if fresh and arguments.store:
        workspace.remember_store()
    open_workspace_store(workspace).close()
    answer(
        arguments,
        {"workspace": str(workspace.folder), "created": fresh},
        [
            f"{'Made' if fresh else 'Already there:'} {workspace.folder}",
            "Next: rejudge import corpus DIR, or: rejudge import pairs FILE.jsonl",
        ],
    )
    return 0
