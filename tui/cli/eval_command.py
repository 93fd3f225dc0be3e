"""``rejudge eval``: evaluate a retriever on a spec."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from core.errors import InputError
from core.store.opening import open_workspace_store
from core.text import displayable_line
from core.workspace import given_path
from eval.evals import retriever_name
from eval.retrievers.building import RETRIEVERS
from tui.cli.answers import answer
from tui.cli.arguments import add_json_argument, workspace_of
from tui.cli.progress_line import progress_line
from tui.shown.evals import (
    notice_lines,
    result_document,
    short_eval_id,
    shown_figure,
    summary_document,
    summary_lines,
)

if TYPE_CHECKING:
    import argparse

    from core.store.database import Store
    from eval.evals import Eval, EvalSummary
    from eval.retrievers.building import RetrieverChoice


_LONGEST_WAIT = 3600


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument(
        "spec", nargs="?", metavar="SPEC", help="a spec's name or file; without it, list the evals"
    )
    parser.add_argument(
        "--retriever",
        choices=list(RETRIEVERS),
        help="; ".join(f"{name}: {kind.description}" for name, kind in RETRIEVERS.items()),
    )
    parser.add_argument("--model", default="", metavar="M", help="an encoder's folder or hub id")
    parser.add_argument(
        "--command",
        dest="program",
        default="",
        metavar="WORDS",
        help="a search program: 'sg search {query} --path {corpus} --top {top} --json'",
    )
    parser.add_argument("--run-file", metavar="FILE", help="results in the TREC run format")
    parser.add_argument("--corpus", metavar="DIR", help="where the corpus lies (the spec's)")
    parser.add_argument("--timeout", type=float, metavar="S", help="seconds a query (60)")
    parser.add_argument("--k", type=int, default=10, metavar="K", help="the cut-off (10)")
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Evaluate, or list the evals."""
    workspace = workspace_of(arguments)
    workspace.require()
    with open_workspace_store(workspace) as store:
        if arguments.spec is None:
            _list(store, arguments)
            return 0
        choice = _choice(arguments)
        done = _evaluate(store, arguments, choice)
        document = _document(store, done) if arguments.json else {}
    answer(arguments, document, _lines(done))
    return 0


def _choice(arguments: argparse.Namespace) -> RetrieverChoice:
    from eval.evaluating import DEPTH
    from eval.retrievers.building import choose_retriever
    from eval.retrievers.command import DEFAULT_SECONDS

    if not 1 <= arguments.k <= DEPTH:
        raise InputError(f"--k takes a number from 1 to {DEPTH}")
    seconds = DEFAULT_SECONDS if arguments.timeout is None else arguments.timeout
    if not 0 < seconds <= _LONGEST_WAIT:
        raise InputError(f"--timeout takes seconds, more than 0 and at most {_LONGEST_WAIT}")
    return choose_retriever(
        arguments.retriever or "",
        model=arguments.model,
        command=arguments.program,
        run_file=given_path(arguments.run_file) if arguments.run_file else None,
        corpus_folder=given_path(arguments.corpus) if arguments.corpus else None,
        seconds=seconds,
    )


def _evaluate(store: Store, arguments: argparse.Namespace, choice: RetrieverChoice) -> Eval:
    from core.encoder.blas import slowness
    from core.jobs import Job
    from eval.evaluating import EvalRequest, run_request

    if RETRIEVERS[choice.retriever].encodes and (warning := slowness()):
        print(displayable_line(warning), file=sys.stderr)
    with progress_line() as show:
        return run_request(store, EvalRequest(arguments.spec, choice, arguments.k), Job(show))


def _document(store: Store, done: Eval) -> dict[str, object]:
    from eval.evals import top_results

    positions = [result.position for result in done.queries]
    tops = top_results(store, done.summary.id, positions, done.summary.k)
    return {
        **summary_document(done.summary),
        "queries": len(done.queries),
        "results": [
            result_document(result) | {"top": [found.path for found in tops[result.position]]}
            for result in done.queries
        ],
    }


def _lines(done: Eval) -> list[str]:
    missed = sum(result.missed(done.summary.k) for result in done.queries)
    lines = [*summary_lines(done.summary), ""]
    lines += notice_lines(done.summary.notices)
    if missed:
        lines.append(
            f"{missed} queries missed; see them: rejudge misses {short_eval_id(done.summary)}"
        )
    return lines


def _list(store: Store, arguments: argparse.Namespace) -> None:
    from eval.evals import list_evals

    summaries = list_evals(store)
    lines = [_line(summary) for summary in summaries]
    document = {"evals": [summary_document(summary) for summary in summaries]}
    answer(arguments, document, lines or ["No evals yet. Start one with: rejudge eval SPEC"])


def _line(summary: EvalSummary) -> str:
    recall = summary.figures.get(f"R@{summary.k}")
    shown = f"R@{summary.k} {shown_figure(recall)}" if recall else ""
    when = summary.started.strftime("%Y-%m-%d %H:%M")
    name = f"{retriever_name(summary):<24}"
    return f"{short_eval_id(summary)}  {when}  {name} {shown}  {summary.spec_name}"
