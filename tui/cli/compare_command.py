"""``rejudge compare``: what changed from one eval to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.text import displayable_line
from eval.evals import retriever_name
from tui.cli.answers import answer
from tui.cli.arguments import add_json_argument, workspace_of
from tui.cli.reading_store import reading_store
from tui.shown.evals import figure_document, notice_lines, short_eval_id

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from eval.comparing import Comparison, QueryDelta
    from eval.evals import EvalSummary


_SHOWN_QUERIES = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument("before", metavar="A", help="an eval: its id, latest or previous")
    parser.add_argument("after", metavar="B", help="the eval to compare with it")
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Compare the evals, newly broken queries first."""
    from eval.comparing import compare
    from eval.evals import find_eval, load_eval

    workspace = workspace_of(arguments)
    workspace.require()
    with reading_store(workspace) as store:
        before = load_eval(store, find_eval(store, arguments.before).id)
        after = load_eval(store, find_eval(store, arguments.after).id)
    found = compare(before, after)
    document = {
        "before": str(before.summary.id),
        "after": str(after.summary.id),
        **_document(found),
    }
    answer(arguments, document, _lines(before.summary, after.summary, found))
    return 0


def _document(found: Comparison) -> dict[str, object]:
    from eval.comparing import Change

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
        "broken": _deltas(found.changed(Change.BROKEN)),
        "fixed": _deltas(found.changed(Change.FIXED)),
        "deltas": _deltas(found.queries),
        "notices": list(found.notices),
    }


def _deltas(queries: Iterable[QueryDelta]) -> list[dict[str, object]]:
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


def _lines(before: EvalSummary, after: EvalSummary, found: Comparison) -> list[str]:
    from eval.comparing import Change

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
        figure = each.difference
        difference = f"{figure.value:+.3f} [{figure.low:+.3f}, {figure.high:+.3f}]"
        lines.append(
            f"{each.metric:<11}{each.before:<8.3f}{each.after:<8.3f}{difference:<28}"
            f"{each.p_value:<8.3g}{each.wins} / {each.losses} / {each.ties}"
        )
    changed = [each for each in found.queries if each.change is not Change.SAME]
    lines += ["", *map(_line, changed[:_SHOWN_QUERIES])]
    if len(changed) > _SHOWN_QUERIES:
        lines.append(f"... and {len(changed) - _SHOWN_QUERIES} more, with --json")
    return lines + notice_lines(found.notices)


def _line(each: QueryDelta) -> str:
    ranks = f"{each.before or '-'} -> {each.after or '-'}"
    return displayable_line(f"{each.change:<7} {ranks:<12} {each.query.text}")
