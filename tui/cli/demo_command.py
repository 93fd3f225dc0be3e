"""``rejudge demo``: build the sample workspace and open it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from core.store.opening import open_workspace_store
from core.workspace import OWN_FILE, Workspace, given_path
from labels.status import WorkspaceStatus, workspace_status
from tui.cli.answers import answer
from tui.cli.arguments import add_json_argument
from tui.cli.progress_line import progress_line
from tui.sample_workspace import SAMPLE_JUDGE, SampleReport, build_sample, standard_library

if TYPE_CHECKING:
    import argparse


DEFAULT_FOLDER: Final = "rejudge-demo"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument(
        "folder", metavar="DIR", nargs="?", default=DEFAULT_FOLDER, help="where to build it"
    )
    parser.add_argument("--no-tui", action="store_true", help="build it only")
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Build what is missing, then open the audit screen; labels made there before are kept."""
    workspace = Workspace(given_path(arguments.folder).absolute(), OWN_FILE)
    workspace.create(judge=SAMPLE_JUDGE)
    with open_workspace_store(workspace) as store:
        status = workspace_status(store)
        if status.empty or not status.pairs:
            print("Building the sample: this Python's standard library.", file=sys.stderr)
            with progress_line() as show:
                report = build_sample(store, standard_library(), show)
            _tell_problems(report)
            status = workspace_status(store)
    if arguments.no_tui or arguments.json:
        answer(arguments, _document(workspace, status), _lines(workspace, status))
        return 0
    from tui.app import open_app

    return open_app(str(workspace.root), screen="audit", store=OWN_FILE)


def _tell_problems(report: SampleReport) -> None:
    skipped = report.spec.skipped + report.pairs.skipped + report.written.skipped
    if skipped:
        print(
            f"{skipped} lines of the sample name code that this Python does not have.",
            file=sys.stderr,
        )


def _document(workspace: Workspace, status: WorkspaceStatus) -> dict[str, object]:
    return {
        "workspace": str(workspace.folder),
        "documents": status.documents,
        "queries": status.queries,
        "pairs": status.pairs,
    }


def _lines(workspace: Workspace, status: WorkspaceStatus) -> list[str]:
    counts = (
        f"{status.documents:,} documents, {status.queries:,} queries, {status.pairs:,} judged pairs"
    )
    return [f"{counts} in {workspace.root}", f"Open it: rejudge --workspace {workspace.root}"]
