"""``rejudge misses``: the queries that an eval missed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from core.display import displayable_line
from core.store import Store
from tui.command_line.answers import answer
from tui.command_line.arguments import add_json_argument, workspace_of
from tui.command_line.shown_evals import found_documents, result_document, short_id

if TYPE_CHECKING:
    import argparse

    from eval.evaluating_records import EvalSummary
    from eval.missed import Miss

_SHOWN_ABOVE = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument(
        "eval", nargs="?", default="latest", metavar="EVAL", help="its id, latest or previous"
    )
    parser.add_argument("--markdown", metavar="FILE", help="write them to a Markdown file")
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show each missed query with what stands above what was wanted."""
    from eval.evaluating_store import find_eval, load_eval
    from eval.missed import misses
    from eval.missed_markdown import misses_markdown, write_misses

    workspace = workspace_of(arguments)
    workspace.require()
    with Store.open(workspace.folder) as store:
        done = load_eval(store, find_eval(store, arguments.eval).id)
        missed = misses(store, done)
    if arguments.markdown:
        file = Path(arguments.markdown).expanduser()
        write_misses(file, misses_markdown(done.summary, missed))
    document: dict[str, object] = {
        "eval": str(done.summary.id),
        "k": done.summary.k,
        "queries": len(done.queries),
        "misses": [
            result_document(miss.result) | {"above": found_documents(miss.above)} for miss in missed
        ],
    }
    if arguments.markdown:
        document["written"] = str(file)
    answer(arguments, document, _lines(done.summary, missed))
    return 0


def _lines(summary: EvalSummary, missed: tuple[Miss, ...]) -> list[str]:
    lines = [f"eval {short_id(summary)}: {len(missed)} queries missed in the top {summary.k}"]
    for miss in missed:
        lines += ["", displayable_line(miss.result.query.text)]
        lines += [
            displayable_line(f"  wanted  {wanted.path}  ({_rank(wanted.rank)})")
            for wanted in miss.result.wanted
        ]
        lines += [
            displayable_line(f"  {rank:>6}  {found.path}")
            for rank, found in enumerate(miss.above[:_SHOWN_ABOVE], start=1)
        ]
    return lines


def _rank(rank: int | None) -> str:
    return f"rank {rank}" if rank else "not found"
