"""``rejudge pairs``: candidate pairs for the queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import InputError
from core.records import Progress, QueryKind
from core.store.opening import open_workspace_store
from core.text import displayable_line
from tui.cli.answers import answer
from tui.cli.arguments import add_json_argument, workspace_of
from tui.cli.pairs_generating import add_generating_arguments, generate
from tui.cli.progress_line import progress_line

if TYPE_CHECKING:
    import argparse

    from core.store.database import Store
    from labels.pairs.mining import MiningReport


_SHOWN_PATHS = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument(
        "action",
        choices=["mine", "generate"],
        help="take the best by BM25; or have a model write semantic queries for documents first",
    )
    parser.add_argument("--top", type=int, default=10, metavar="N", help="documents a query (10)")
    parser.add_argument(
        "--sample",
        type=int,
        default=0,
        metavar="K",
        help="K more at random from the 100 ranks below the top (0)",
    )
    parser.add_argument("--kind", choices=list(QueryKind), help="only queries of this kind")
    parser.add_argument("--spec", default="", metavar="NAME", help="only queries of this spec")
    add_generating_arguments(parser)
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Mine the pairs and say how many are new."""
    if arguments.top < 0 or arguments.sample < 0:
        raise InputError("--top and --sample take numbers from 0 up")
    workspace = workspace_of(arguments)
    workspace.require()
    with open_workspace_store(workspace) as store:
        if arguments.action == "generate":
            return generate(store, arguments)
        report = _mine(store, arguments)
    known = report.found - report.added
    lines = [f"{report.added:,} new pairs, {known:,} known, for {report.queries:,} queries"]
    lines += [
        displayable_line(f"not in the corpus: {path} (for: {query})")
        for query, path in report.not_found[:_SHOWN_PATHS]
    ]
    if len(report.not_found) > _SHOWN_PATHS:
        lines.append(f"... and {len(report.not_found) - _SHOWN_PATHS} more relevant paths")
    document = {
        "added": report.added,
        "found": report.found,
        "queries": report.queries,
        "not_found": [{"query": query, "path": path} for query, path in report.not_found],
    }
    answer(arguments, document, lines)
    return 0


def _mine(store: Store, arguments: argparse.Namespace) -> MiningReport:
    from core.search import build_index
    from labels.pairs.choosing import chosen_queries, require_corpus
    from labels.pairs.mining import MiningPlan, mine, relevant_paths

    require_corpus(store)
    kind = QueryKind(arguments.kind) if arguments.kind else None
    queries = chosen_queries(store, kind=kind, spec_name=arguments.spec)
    with progress_line() as show:
        index = build_index(store, advance=lambda done: show(Progress(done, None, "documents")))
        return mine(
            store,
            index,
            queries,
            MiningPlan(top=arguments.top, sample=arguments.sample),
            relevant=relevant_paths(store, spec_name=arguments.spec),
            progress=show,
        )
