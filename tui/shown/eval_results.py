"""Evals as JSON and as lines for the command line. It does without Textual."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from core.text import displayable_line
from eval.evals import retriever_name
from tui.shown.figures import estimate_text, figures_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from eval.evals import EvalSummary

_SHOWN_NOTICES: Final = 10


def short_eval_id(summary: EvalSummary) -> str:
    """Return the last digits of an eval's id, by which people name it."""
    return summary.id.hex[-8:]


def summary_document(summary: EvalSummary) -> dict[str, object]:
    """Return an eval without its queries, ready for JSON."""
    return {
        "eval": str(summary.id),
        "spec": summary.spec_name,
        "spec_id": str(summary.spec_id),
        "retriever": summary.retriever,
        "parameters": json.loads(summary.parameters),
        "checkpoint": summary.checkpoint,
        "corpus": {"documents": summary.documents, "hash": summary.corpus_hash},
        "k": summary.k,
        "started": f"{summary.started.isoformat()}Z",
        "seconds": round((summary.finished - summary.started).total_seconds(), 3),
        "scored": summary.by_kind[0].queries if summary.by_kind else 0,
        "metrics": figures_document(summary.figures),
        "by_kind": {
            group.kind: figures_document(group.figures) for group in summary.by_kind if group.kind
        },
        "notices": list(summary.notices),
    }


def summary_lines(summary: EvalSummary) -> list[str]:
    """Return the metrics as a small table, a column for each kind of query."""
    lines = [
        displayable_line(
            f"eval {short_eval_id(summary)}: {retriever_name(summary)} on {summary.spec_name},"
            f" {summary.documents:,} documents"
        ),
        "",
        _row("", [f"{group.kind or 'all'} ({group.queries:,})" for group in summary.by_kind]),
    ]
    for metric in summary.figures:
        figures = (group.figures[metric] for group in summary.by_kind)
        lines.append(_row(metric, [estimate_text(figure) for figure in figures]))
    return lines


def notice_lines(notices: Sequence[str]) -> list[str]:
    """Return the first notices, and how many more there are."""
    lines = [displayable_line(f"note: {notice}") for notice in notices[:_SHOWN_NOTICES]]
    if len(notices) > _SHOWN_NOTICES:
        lines.append(f"... and {len(notices) - _SHOWN_NOTICES} more notes, with --json")
    return lines


def _row(name: str, cells: Iterable[str]) -> str:
    return f"{name:<11}" + "".join(f"{cell:<24}" for cell in cells).rstrip()
