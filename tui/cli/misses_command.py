"""``rejudge misses``: the queries that an eval missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.ids import query_id
from core.text import displayable_line
from core.workspace import given_path
from tui.cli.answers import answer
from tui.cli.arguments import add_json_argument, workspace_of
from tui.cli.reading_store import reading_store
from tui.shown.evals import found_documents, result_document, short_eval_id

if TYPE_CHECKING:
    import argparse

    from core.store.database import Store
    from eval.evals import Eval, EvalSummary
    from eval.misses import Miss


_SHOWN_ABOVE = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument(
        "eval", nargs="?", default="latest", metavar="EVAL", help="its id, latest or previous"
    )
    parser.add_argument("--markdown", metavar="FILE", help="write them to a Markdown file")
    parser.add_argument(
        "--pairs", action="store_true", help="make pairs of each miss: what was wanted, what came"
    )
    parser.add_argument(
        "--relevant",
        nargs=2,
        metavar=("QUERY", "PATH"),
        help="a path that is relevant to a query after all: writes a new spec beside the old one",
    )
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show each missed query with what stands above what was wanted."""
    from eval.evals import find_eval, load_eval
    from eval.misses import misses, misses_markdown, write_misses

    workspace = workspace_of(arguments)
    workspace.require()
    with reading_store(workspace) as store:
        done = load_eval(store, find_eval(store, arguments.eval).id)
        missed = misses(store, done)
        extra = _acted(store, done, missed, arguments)
    if arguments.markdown:
        file = given_path(arguments.markdown)
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
    told = [displayable_line(f"{name}: {value}") for name, value in extra.items()]
    answer(arguments, document | extra, [*_lines(done.summary, missed), *told])
    return 0


def _acted(
    store: Store, done: Eval, missed: tuple[Miss, ...], arguments: argparse.Namespace
) -> dict[str, object]:
    """Do what was asked for about the misses; return what came of it."""
    from eval.misses import mark_relevant
    from eval.queries import query_detail
    from labels.pairs.mining import add_miss_pairs

    extra: dict[str, object] = {}
    if arguments.relevant:
        text, path = arguments.relevant
        annotator = workspace_of(arguments).annotator()
        amended = mark_relevant(store, done.summary, query_id(text), path, annotator=annotator)
        extra |= {"spec": amended.spec.name, "spec_file": str(amended.file)}
    if arguments.pairs:
        extra["pairs_added"] = sum(
            add_miss_pairs(store, miss.result.query.id, detail.documents).added
            for miss in missed
            for detail in [query_detail(store, done.summary, miss.result.position)]
        )
    return extra


def _lines(summary: EvalSummary, missed: tuple[Miss, ...]) -> list[str]:
    lines = [f"eval {short_eval_id(summary)}: {len(missed)} queries missed in the top {summary.k}"]
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
