"""``rejudge eval``, ``compare`` and ``misses``: how well a retriever finds what it should."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from core.ids import query_id
from core.jobs import Job
from core.store.opening import open_workspace_store
from core.text import displayable_line
from eval.comparing import Change
from eval.comparing import compare as compare_evals
from eval.evals import find_eval, list_evals, load_eval, retriever_name, top_results
from eval.evaluating import EvalRequest, run_request
from eval.misses import (
    found_documents,
    mark_relevant,
    misses_markdown,
    result_document,
    write_misses,
)
from eval.misses import misses as missed_in
from eval.queries import query_detail
from eval.retrievers.building import RETRIEVERS, choose_retriever
from eval.retrievers.command import DEFAULT_SECONDS
from labels.pairs.mining import add_miss_pairs
from tui.cli.groups import command, new_app
from tui.cli.options import Choice, Range
from tui.cli.output import Call, notice, open_to_read, progress_bar
from tui.shown.eval_results import (
    notice_lines,
    short_eval_id,
    summary_document,
    summary_lines,
)
from tui.shown.figures import estimate_text, figure_document

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core.store.database import Store
    from core.workspace import Workspace
    from eval.comparing import Comparison, QueryDelta
    from eval.evals import Eval, EvalSummary
    from eval.misses import Miss
    from eval.retrievers.building import RetrieverChoice

_SHOWN_QUERIES: Final = 20
_SHOWN_ABOVE: Final = 3
_DEEPEST: Final = 100
_EVAL_HELP: Final = "an id as rejudge eval lists it, latest or previous"

app = new_app()


@command(
    app,
    "eval",
    more="A spec says for each query which paths should be found. The results are kept, query by"
    " query, for rejudge compare and rejudge misses. Every metric has a 95% interval.",
    examples=(
        "rejudge eval semantic.json",
        "rejudge eval semantic --retriever hybrid --model ./model",
        "rejudge eval semantic --command 'sg search {query} --path {corpus} --top {top} --json'",
        "rejudge eval",
    ),
)
def evaluate(
    call: Call,
    spec: Annotated[
        str | None,
        typer.Argument(metavar="SPEC", help="A spec's name or file. Without it, list the evals."),
    ] = None,
    retriever: Annotated[
        str | None,
        typer.Option(
            help="; ".join(f"{name}: {kind.description}" for name, kind in RETRIEVERS.items())
            + ". Default: what the other options imply, else lexical.",
        ),
        Choice(RETRIEVERS),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            metavar="M",
            help="The encoder's folder or hub id, for encoder and hybrid. Default: the one that"
            " comes with rejudge.",
        ),
    ] = "",
    program: Annotated[
        str,
        typer.Option(
            "--command",
            metavar="WORDS",
            help="The command line of a search program, with {query}, and if it needs them"
            " {corpus} and {top}.",
        ),
    ] = "",
    run_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Results of another system, in the TREC run format."),
    ] = None,
    corpus: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="The corpus that --command searches. Default: the spec's."
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(metavar="S", help="Seconds that --command has for a query. Default: 60."),
        Range(0, 3600, above=True),
    ] = None,
    k: Annotated[
        int,
        typer.Option(metavar="K", help="A query is missed without a relevant path in the top K."),
        Range(1, _DEEPEST),
    ] = 10,
) -> int:
    """Evaluate, or list the evals."""
    workspace = call.workspace()
    with open_workspace_store(workspace) as store:
        if spec is None:
            return _list(call, store)
        choice = choose_retriever(
            retriever or "",
            model=model,
            command=program,
            run_file=run_file,
            corpus_folder=corpus,
            seconds=DEFAULT_SECONDS if timeout is None else timeout,
        )
        done = _evaluate(store, spec, choice, k)
        document = _eval_document(store, done) if call.json else {}
    call.answer(document, _eval_lines(done))
    return 0


def _evaluate(store: Store, spec_name: str, choice: RetrieverChoice, k: int) -> Eval:
    from core.encoder.blas import slowness

    if RETRIEVERS[choice.retriever].encodes and (warning := slowness()):
        notice(warning)
    with progress_bar() as show:
        return run_request(store, EvalRequest(spec_name, choice, k), Job(show))


def _eval_document(store: Store, done: Eval) -> dict[str, object]:
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


def _eval_lines(done: Eval) -> list[str]:
    missed = sum(result.missed(done.summary.k) for result in done.queries)
    lines = [*summary_lines(done.summary), "", *notice_lines(done.summary.notices)]
    if missed:
        lines.append(
            f"{missed} queries missed; see them: rejudge misses {short_eval_id(done.summary)}"
        )
    return lines


def _list(call: Call, store: Store) -> int:
    summaries = list_evals(store)
    lines = [_summary_line(summary) for summary in summaries]
    document = {"evals": [summary_document(summary) for summary in summaries]}
    call.answer(document, lines or ["No evals yet. Start one with: rejudge eval SPEC"])
    return 0


def _summary_line(summary: EvalSummary) -> str:
    recall = summary.figures.get(f"R@{summary.k}")
    shown = f"R@{summary.k} {estimate_text(recall)}" if recall else ""
    when = summary.started.strftime("%Y-%m-%d %H:%M")
    name = f"{retriever_name(summary):<24}"
    return f"{short_eval_id(summary)}  {when}  {name} {shown}  {summary.spec_name}"


@command(
    app,
    "compare",
    more="Differences of the metrics with 95% intervals and p-values, then the queries that the"
    " second eval lost or won.",
    examples=("rejudge compare previous latest", "rejudge compare 1f0c2d3e latest --json"),
)
def compare(
    call: Call,
    before: Annotated[str, typer.Argument(metavar="A", help=f"An eval: {_EVAL_HELP}.")],
    after: Annotated[str, typer.Argument(metavar="B", help="The eval to compare with it.")],
) -> int:
    """Compare two evals, newly missed queries first."""
    with open_to_read(call.workspace()) as store:
        first = load_eval(store, find_eval(store, before).id)
        second = load_eval(store, find_eval(store, after).id)
    found = compare_evals(first, second)
    document = {
        "before": str(first.summary.id),
        "after": str(second.summary.id),
        **_comparison_document(found),
    }
    call.answer(document, _comparison_lines(first.summary, second.summary, found))
    return 0


def _comparison_document(found: Comparison) -> dict[str, object]:
    return {
        "k": found.k,
        "queries": len(found.queries),
        "metrics": {
            each.metric: {
                "before": each.before,
                "after": each.after,
                "difference": figure_document(each.difference),
                "p_value": each.p_value,
                "wins": each.wins,
                "losses": each.losses,
                "ties": each.ties,
            }
            for each in found.metrics
        },
        "broken": _delta_documents(found.changed(Change.BROKEN)),
        "fixed": _delta_documents(found.changed(Change.FIXED)),
        "deltas": _delta_documents(found.queries),
        "notices": list(found.notices),
    }


def _delta_documents(queries: Iterable[QueryDelta]) -> list[dict[str, object]]:
    return [
        {
            "query": each.query.text,
            "kind": each.query.kind,
            "before": each.before,
            "after": each.after,
            "difference": each.difference,
            "change": each.change,
        }
        for each in queries
    ]


def _comparison_lines(before: EvalSummary, after: EvalSummary, found: Comparison) -> list[str]:
    lines = [
        displayable_line(
            f"{short_eval_id(before)} ({retriever_name(before)}) ->"
            f" {short_eval_id(after)} ({retriever_name(after)}),"
            f" {len(found.queries):,} queries"
        ),
        "",
        f"{'':<11}{'before':<8}{'after':<8}{'difference':<28}{'p':<8}better / worse / same",
    ]
    for each in found.metrics:
        difference = estimate_text(each.difference, signed=True)
        lines.append(
            f"{each.metric:<11}{each.before:<8.3f}{each.after:<8.3f}{difference:<28}"
            f"{each.p_value:<8.3g}{each.wins} / {each.losses} / {each.ties}"
        )
    changed = [each for each in found.queries if each.change is not Change.SAME]
    lines += ["", *map(_delta_line, changed[:_SHOWN_QUERIES])]
    if len(changed) > _SHOWN_QUERIES:
        lines.append(f"... and {len(changed) - _SHOWN_QUERIES} more, with --json")
    return lines + notice_lines(found.notices)


def _delta_line(each: QueryDelta) -> str:
    ranks = f"{each.before or '-'} -> {each.after or '-'}"
    return displayable_line(f"{each.change:<7} {ranks:<12} {each.query.text}")


@command(
    app,
    "misses",
    more="For each query that has no relevant path in the top k: the paths that were wanted with"
    " their ranks, and what was ranked above them.",
    examples=(
        "rejudge misses",
        "rejudge misses latest --markdown misses.md",
        "rejudge misses --pairs",
        "rejudge misses --relevant 'file changes' src/watcher.rs",
    ),
)
def misses(
    call: Call,
    eval_name: Annotated[
        str, typer.Argument(metavar="EVAL", help=f"An eval: {_EVAL_HELP}.")
    ] = "latest",
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write them to a Markdown file.")
    ] = None,
    pairs: Annotated[
        bool,
        typer.Option(
            "--pairs",
            help="Make pairs of each missed query with its wanted documents and those above them,"
            " to be judged and audited.",
        ),
    ] = False,
    relevant: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="QUERY PATH",
            help="The path is relevant to the query after all: save a corrected copy of the spec.",
        ),
    ] = None,
) -> int:
    """Show each missed query with what stands above what was wanted."""
    workspace = call.workspace()
    with open_to_read(workspace) as store:
        done = load_eval(store, find_eval(store, eval_name).id)
        missed = missed_in(store, done)
        extra: dict[str, Any] = {}
        if relevant is not None:
            extra |= _mark_relevant(store, workspace, done, relevant)
        if pairs:
            extra["pairs_added"] = _add_pairs(store, done, missed)
    if markdown is not None:
        write_misses(markdown, misses_markdown(done.summary, missed))
    document: dict[str, object] = {
        "eval": str(done.summary.id),
        "k": done.summary.k,
        "queries": len(done.queries),
        "misses": [
            result_document(miss.result) | {"above": found_documents(miss.above)} for miss in missed
        ],
    }
    if markdown is not None:
        document["written"] = str(markdown)
    notes = [displayable_line(f"{name}: {value}") for name, value in extra.items()]
    call.answer(document | extra, [*_miss_lines(done.summary, missed), *notes])
    return 0


def _mark_relevant(
    store: Store, workspace: Workspace, done: Eval, relevant: tuple[str, str]
) -> dict[str, str]:
    text, path = relevant
    amended = mark_relevant(
        store, done.summary, query_id(text), path, annotator=workspace.annotator()
    )
    return {"spec": amended.spec.name, "spec_file": str(amended.file)}


def _add_pairs(store: Store, done: Eval, missed: tuple[Miss, ...]) -> int:
    added = 0
    for miss in missed:
        detail = query_detail(store, done.summary, miss.result.position)
        added += add_miss_pairs(store, miss.result.query.id, detail.documents).added
    return added


def _miss_lines(summary: EvalSummary, missed: tuple[Miss, ...]) -> list[str]:
    lines = [f"eval {short_eval_id(summary)}: {len(missed)} queries missed in the top {summary.k}"]
    for miss in missed:
        lines += ["", displayable_line(miss.result.query.text)]
        lines += [
            displayable_line(f"  wanted  {wanted.path}  ({_rank_text(wanted.rank)})")
            for wanted in miss.result.wanted
        ]
        lines += [
            displayable_line(f"  {rank:>6}  {found.path}")
            for rank, found in enumerate(miss.above[:_SHOWN_ABOVE], start=1)
        ]
    return lines


def _rank_text(rank: int | None) -> str:
    return f"rank {rank}" if rank else "not found"
