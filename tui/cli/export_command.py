"""``rejudge export``: write labels for training and evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import InputError
from core.store.opening import open_workspace_store
from core.workspace import given_path
from labels.exporting import (
    WRITERS,
    ExportPlan,
    ExportReport,
    Grades,
    export,
    format_rows,
)
from tui.cli.answers import answer, table
from tui.cli.arguments import add_json_argument, workspace_of

if TYPE_CHECKING:
    import argparse
    from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument(
        "format", metavar="FORMAT", nargs="?", choices=list(WRITERS), help=", ".join(WRITERS)
    )
    parser.add_argument(
        "file", metavar="FILE", nargs="?", help="where to; replaced once all is written"
    )
    parser.add_argument("--list", action="store_true", help="list the formats and stop")
    parser.add_argument(
        "--judge", metavar="NAME", default="", help="whose scores count where nobody graded"
    )
    parser.add_argument(
        "--grades",
        choices=list(Grades),
        default=Grades.JUDGE,
        help="where nobody graded: the judge's own scores (judge, the default), or calibrated"
        " grades, and scores where there are none (best)",
    )
    parser.add_argument("--only-labelled", action="store_true", help="leave out what nobody graded")
    parser.add_argument("--without-flagged", action="store_true", help="leave out flagged pairs")
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the file and say where its grades come from."""
    if arguments.list:
        answer(arguments, {"formats": dict(format_rows())}, table(format_rows()))
        return 0
    if arguments.format is None or arguments.file is None:
        raise InputError(
            "an export needs a format and a file", todo="See: rejudge export --list, or --help"
        )
    workspace = workspace_of(arguments)
    workspace.require()
    target = given_path(arguments.file).absolute()
    plan = ExportPlan(
        judge_name=arguments.judge or workspace.settings().judge,
        only_labelled=arguments.only_labelled,
        without_flagged=arguments.without_flagged,
        grades=Grades(arguments.grades),
    )
    with open_workspace_store(workspace) as store:
        report = export(store, arguments.format, target, plan)
    answer(arguments, _document(target, report), [_line(target, report), *report.notices])
    return 0


def _document(target: Path, report: ExportReport) -> dict[str, object]:
    return {
        "file": str(target),
        "written": report.written,
        "from_labels": report.from_labels,
        "from_calibration": report.from_calibration,
        "from_judge": report.from_judge,
        "left_out": report.left_out,
        "notices": list(report.notices),
    }


def _line(target: Path, report: ExportReport) -> str:
    calibrated = f" {report.from_calibration:,} calibrated," if report.from_calibration else ""
    return (
        f"{report.written:,} lines in {target}: {report.from_labels:,} pairs graded by people,"
        f"{calibrated} {report.from_judge:,} by the judge, {report.left_out:,} left out"
    )
