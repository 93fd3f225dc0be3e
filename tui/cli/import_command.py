"""``rejudge import``: read in a corpus, scored pairs, or a spec."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from core.store.opening import open_workspace_store
from core.text import displayable_line
from core.workspace import given_path
from labels.pairs.formats import format_rows
from tui.cli.answers import answer, table
from tui.cli.arguments import add_json_argument, workspace_of
from tui.cli.progress_line import progress_line

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path

    from core.records import ImportReport, Progress
    from core.store.database import Store

    Reader = Callable[[Store, argparse.Namespace, Path, Callable[[Progress], None]], ImportReport]

_SHOWN_PROBLEMS: Final = 10
_EXIT_SKIPPED: Final = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the three kinds of import."""
    parser.add_argument("--list", action="store_true", help="list the formats of pairs and stop")
    kinds = parser.add_subparsers(dest="kind", metavar="KIND")
    corpus = kinds.add_parser("corpus", help="a folder of code, split into documents")
    corpus.add_argument("source", metavar="DIR")
    corpus.add_argument(
        "--exclude",
        metavar="PATTERN",
        action="append",
        default=[],
        help="leave these out, in the notation of .gitignore; may be given several times",
    )
    pairs = kinds.add_parser("pairs", help="a file of scored pairs")
    pairs.add_argument("source", metavar="FILE")
    pairs.add_argument(
        "--judge", metavar="NAME", default="", help="who scored (default: the file's name)"
    )
    pairs.add_argument(
        "--format",
        default="",
        metavar="FORMAT",
        help="see rejudge import --list (default: by the file's name and beginning)",
    )
    spec = kinds.add_parser("spec", help="a JSON file of queries with the paths to be found")
    spec.add_argument("source", metavar="FILE")
    for kind in (corpus, pairs, spec):
        kind.add_argument(
            "--strict", action="store_true", help="exit with status 1 when something was skipped"
        )
        add_json_argument(kind)


def run(arguments: argparse.Namespace) -> int:
    """Read it in, all or nothing, and name what was skipped."""
    if arguments.list:
        print("\n".join(table(format_rows())))
        return 0
    if arguments.kind is None:
        raise InputError("an import needs a kind", todo="Kinds: corpus, pairs, spec.")
    source = given_path(arguments.source).absolute()
    if not source.exists():
        raise InputError(
            "there is no such file or folder",
            where=str(source),
            todo="Check its path and its spelling.",
        )
    workspace = workspace_of(arguments)
    if workspace.create():
        print(f"Made {displayable_line(str(workspace.folder))}", file=sys.stderr)
    with open_workspace_store(workspace, allowed_files=[source]) as store, progress_line() as show:
        report = _READERS[arguments.kind](store, arguments, source, show)
        store.back_up_if_due()
    if not arguments.json:
        _tell_problems(report)
    answer(arguments, _document(report), _lines(report))
    return _EXIT_SKIPPED if arguments.strict and report.skipped else 0


def _corpus(
    store: Store,
    arguments: argparse.Namespace,
    source: Path,
    show: Callable[[Progress], None],
) -> ImportReport:
    from core.corpus.importing import import_corpus
    from core.jobs import Job

    return import_corpus(store, source, exclude=arguments.exclude, job=Job(show))


def _pairs(
    store: Store,
    arguments: argparse.Namespace,
    source: Path,
    show: Callable[[Progress], None],
) -> ImportReport:
    from labels.pairs.importing import import_pairs

    return import_pairs(
        store, source, judge_name=arguments.judge, form=arguments.format, progress=show
    )


def _spec(
    store: Store,
    _arguments: argparse.Namespace,
    source: Path,
    _show: Callable[[Progress], None],
) -> ImportReport:
    from eval.specs import import_spec

    return import_spec(store, source)


_READERS: Final[dict[str, Reader]] = {"corpus": _corpus, "pairs": _pairs, "spec": _spec}


def _document(report: ImportReport) -> dict[str, object]:
    return {
        "read": report.read,
        "added": report.added,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "removed": report.removed,
        "skipped": report.skipped,
        "failed_judgments": report.failed_judgments,
        "problems": [
            {"file": problem.file, "line": problem.line, "reason": problem.reason}
            for problem in report.problems
        ],
        "problems_total": report.problems_total,
        "report_file": report.report_file or None,
    }


def _lines(report: ImportReport) -> list[str]:
    rows = [
        ("read", report.read),
        ("added", report.added),
        ("updated", report.updated),
        ("unchanged", report.unchanged),
        ("removed", report.removed),
        ("skipped", report.skipped),
        ("failed judgments", report.failed_judgments),
    ]
    return table((name, f"{count:,}") for name, count in rows if count or name == "read")


def _tell_problems(report: ImportReport) -> None:
    for problem in report.problems[:_SHOWN_PROBLEMS]:
        place = f"{problem.file}:{problem.line}" if problem.line else problem.file
        print(displayable_line(f"{place}: {problem.reason}"), file=sys.stderr)
    more = report.problems_total - _SHOWN_PROBLEMS
    if more > 0:
        rest = f"; all of them: {report.report_file}" if report.report_file else " (see --json)"
        print(displayable_line(f"and {more:,} more{rest}"), file=sys.stderr)
