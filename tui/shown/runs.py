"""Training sets, runs and their outcomes as JSON and as lines."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from core.text import displayable_line
from eval.comparing import Change
from train.config import config_text, losses_text, tuning_text
from train.dataset.enough import warnings
from train.dataset.records import GradeSource, Split
from tui.shown.figures import estimate_text, figure_document, figures_document, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from eval.comparing import QueryDelta
    from eval.evals import EvalSummary
    from train.dataset.summary import TrainingSetSummary
    from train.runs.outcome import SpecOutcome
    from train.runs.progress import RunView
    from train.runs.store import RunRecord


_SHOWN_QUERIES: Final = 12
_CURVE_WIDTH: Final = 72
_CURVE_HEIGHT: Final = 9
_LOG_LINES: Final = 5
_SOURCES: Final = {
    GradeSource.LABEL: "labels",
    GradeSource.CALIBRATED: "calibrated grades",
    GradeSource.JUDGE: "judge scores",
    GradeSource.KEYWORD: "keyword pairs",
}
_SPLITS: Final = {Split.TRAIN: "trained on", Split.HELD_OUT: "held out"}


def summary_document(summary: TrainingSetSummary) -> dict[str, object]:
    """Return what a training set holds, and the warnings about it, ready for JSON."""
    return asdict(summary) | {
        "keyword_share": summary.keyword_share,
        "warnings": list(warnings(summary)),
    }


def summary_rows(summary: TrainingSetSummary) -> list[tuple[str, str]]:
    """Return what a training set holds, as names and values that are safe for the terminal."""
    rows = []
    for split in Split:
        rows.append((_SPLITS[split], _split_text(summary, split)))
        rows += [
            (f"  {_SOURCES[source]}", grades)
            for source in GradeSource
            if (grades := _grades_text(summary, split, source))
        ]
    pool = f", {summary.pool:,} of them in no pair" if summary.pool else ""
    rows.append(("documents", f"{summary.documents:,}{pool}"))
    rows.append(("average weight", f"{summary.average_weight:.2f}"))
    if summary.above_cap:
        most = summary.plan.low_graded_per_query
        rows.append(
            ("low-graded pairs", f"{summary.above_cap:,} above {most} a query; the hardest stay")
        )
    rows += [("left out", f"{_pairs_text(left.pairs)}: {left.reason}") for left in summary.left_out]
    for dropped in summary.dropped:
        what = f"{_queries_text(dropped.queries)}, {_pairs_text(dropped.pairs)}: {dropped.rule}"
        rows.append(("like a spec's", what))
        rows += [
            (
                "",
                displayable_line(
                    example.query
                    if example.query == example.spec_query
                    else f"{example.query}  ~  {example.spec_query}"
                ),
            )
            for example in dropped.examples
        ]
    if summary.made_like_spec:
        made = f"{summary.made_like_spec:,} keyword queries were not made"
        rows.append(("like a spec's", made))
    return rows


def summary_lines(summary: TrainingSetSummary) -> list[str]:
    """Return what a training set holds as lines, the warnings last."""
    notes = (displayable_line(f"note: {warning}") for warning in warnings(summary))
    return [*table(summary_rows(summary)), *notes]


def _split_text(summary: TrainingSetSummary, split: Split) -> str:
    kinds: dict[str, int] = {}
    for count in summary.queries:
        if count.split is split:
            name = "made" if count.made else str(count.kind or "no kind")
            kinds[name] = kinds.get(name, 0) + count.queries
    parts = ", ".join(f"{queries:,} {name}" for name, queries in kinds.items())
    queries = _queries_text(sum(kinds.values()))
    return f"{_pairs_text(summary.pair_count(split=split))} of {queries}" + (
        f": {parts}" if kinds else ""
    )


def _grades_text(summary: TrainingSetSummary, split: Split, source: GradeSource) -> str:
    counts = [each for each in summary.pairs if each.split is split and each.source is source]
    if not counts:
        return ""
    by_grade = ", ".join(f"{count.pairs:,} of {count.grade}" for count in reversed(counts))
    return f"{sum(count.pairs for count in counts):,}: {by_grade}"


def _pairs_text(number: int) -> str:
    return f"{number:,} {'pair' if number == 1 else 'pairs'}"


def _queries_text(number: int) -> str:
    return f"{number:,} {'query' if number == 1 else 'queries'}"


def record_document(record: RunRecord) -> dict[str, object]:
    """Return a run without its curves, ready for JSON."""
    return {
        "run": record.id,
        "created": f"{record.created.isoformat()}Z",
        "status": record.status.value,
        "step": record.step,
        "steps": record.steps,
        "loss": record.loss,
        "metric": record.metric,
        "seconds": record.seconds,
        "reason": record.reason,
        "config": json.loads(config_text(record.config)),
    }


def view_document(view: RunView) -> dict[str, object]:
    """Return the curves of a run and its best checkpoint, ready for JSON."""
    progress = view.progress
    return {
        "folder": str(view.folder.path),
        "model": str(view.folder.model) if view.folder.model.is_dir() else None,
        "loss_curve": [list(point) for point in progress.loss],
        "metric_curve": [list(point) for point in progress.metric],
        "best": {"step": progress.best.step, "value": progress.best.value}
        if progress.best
        else None,
        "todo": progress.ended.todo if progress.ended else "",
    }


def outcome_document(outcome: SpecOutcome) -> dict[str, object]:
    """Return what a run changed on a spec, ready for JSON."""
    found = outcome.comparison
    return {
        "spec": outcome.spec_name,
        "before": _eval_document(outcome.before.summary),
        "after": _eval_document(outcome.after.summary),
        "differences": {each.metric: figure_document(each.difference) for each in found.metrics},
        "fixed": [_delta(each) for each in found.changed(Change.FIXED)],
        "broken": [_delta(each) for each in found.changed(Change.BROKEN)],
        "notices": list(found.notices),
    }


def list_line(record: RunRecord, *, gone: bool) -> str:
    """Return a run on one line."""
    metric = f"nDCG@10 {record.metric:.3f}" if record.metric is not None else ""
    steps = f"{record.step:,}/{record.steps:,}" if record.steps else ""
    status = f"{record.status.value} (folder gone)" if gone else record.status.value
    what = f"{losses_text(record.config.losses)}, {tuning_text(record.config)}"
    return displayable_line(
        f"{record.id}  {status:<9} {steps:>13}  {metric:<13}  {what}, from {record.config.base}"
    ).rstrip()


def view_lines(record: RunRecord, view: RunView | None) -> list[str]:
    """Return a run as lines: its progress, why it ended, its curves."""
    from tui.widgets.curves import curve_lines

    lines = [list_line(record, gone=view is None)]
    if record.reason:
        lines.append(displayable_line(f"  {record.reason}"))
    if view is None:
        return lines
    progress = view.progress
    if progress.ended is not None and progress.ended.todo:
        lines.append(displayable_line(f"  {progress.ended.todo}"))
    for name, points in (("loss", progress.loss), ("nDCG@10 on held-out queries", progress.metric)):
        drawn = curve_lines(points, _CURVE_WIDTH, _CURVE_HEIGHT)
        if drawn:
            lines += ["", name, *drawn]
    if record.status.value in {"died", "failed"} and view.log:
        lines += ["", f"last lines of {view.folder.log}:"]
        lines += [displayable_line(f"  {line}") for line in view.log[-_LOG_LINES:]]
    return lines


def outcome_lines(outcomes: Sequence[SpecOutcome]) -> list[str]:
    """Return what a run changed: metrics by kind of query, then queries fixed and broken."""
    lines: list[str] = []
    for outcome in outcomes:
        lines += ["", displayable_line(f"{outcome.spec_name}: before and after")]
        before = {group.kind: group.figures for group in outcome.before.summary.by_kind}
        for group in outcome.after.summary.by_kind:
            for metric in _metrics(outcome.after.summary):
                if group.kind in before and metric in group.figures:
                    lines.append(
                        f"  {group.kind or 'all':<9}{metric:<9}"
                        f"{estimate_text(before[group.kind][metric])}  ->"
                        f"  {estimate_text(group.figures[metric])}"
                    )
        found = outcome.comparison
        for name, change in (("fixed", Change.FIXED), ("broken", Change.BROKEN)):
            changed = found.changed(change)
            lines.append(f"  {len(changed)} {name}")
            lines += _query_lines(changed)
    return lines


def _query_lines(changed: Sequence[QueryDelta]) -> Iterable[str]:
    for each in changed[:_SHOWN_QUERIES]:
        ranks = f"{each.before or '-'} -> {each.after or '-'}"
        yield displayable_line(f"    {ranks:<10} {each.query.text}")
    if len(changed) > _SHOWN_QUERIES:
        yield f"    ... and {len(changed) - _SHOWN_QUERIES} more, with --json"


def _metrics(summary: EvalSummary) -> tuple[str, ...]:
    return (f"R@{summary.k}", "P@1", f"nDCG@{summary.k}")


def _eval_document(summary: EvalSummary) -> dict[str, object]:
    return {
        "eval": str(summary.id),
        "by_kind": {
            group.kind or "all": figures_document(group.figures) for group in summary.by_kind
        },
    }


def _delta(each: QueryDelta) -> dict[str, object]:
    return {
        "query": each.query.text,
        "kind": each.query.kind,
        "before": each.before,
        "after": each.after,
    }
