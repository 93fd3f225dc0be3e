"""Runs as JSON and as lines for a person."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from core.display import displayable_line
from eval.comparing import Change
from train.run_config_file import config_text
from train.run_words import losses_text, tuning_text
from tui.command_line.shown_evals import figure_document, shown_figure
from tui.curve_text import curve_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from eval.comparing import QueryDelta
    from eval.evaluating_records import EvalSummary
    from train.run_store import RunRecord
    from train.run_watching import RunLook
    from tui.after_run import SpecOutcome

_SHOWN_QUERIES: Final = 12
_CURVE_WIDTH: Final = 72
_CURVE_HEIGHT: Final = 9
_LOG_LINES: Final = 5


def record_document(record: RunRecord) -> dict[str, object]:
    """Return a run without its curves."""
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


def look_document(look: RunLook) -> dict[str, object]:
    """Return the curves and the last figures of a run."""
    progress = look.progress
    return {
        "folder": str(look.folder.path),
        "model": str(look.folder.model) if look.folder.model.is_dir() else None,
        "loss_curve": [list(point) for point in progress.loss],
        "metric_curve": [list(point) for point in progress.metric],
        "best": {"step": progress.best.step, "value": progress.best.value}
        if progress.best
        else None,
        "todo": progress.ended.todo if progress.ended else "",
    }


def outcome_document(outcome: SpecOutcome) -> dict[str, object]:
    """Return what a run changed on a spec."""
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


def look_lines(record: RunRecord, look: RunLook | None) -> list[str]:
    """Return one run: how far it is, why it ended, its curves."""
    lines = [list_line(record, gone=look is None)]
    if record.reason:
        lines.append(displayable_line(f"  {record.reason}"))
    if look is None:
        return lines
    progress = look.progress
    if progress.ended is not None and progress.ended.todo:
        lines.append(displayable_line(f"  {progress.ended.todo}"))
    for name, points in (("loss", progress.loss), ("nDCG@10 on held-out queries", progress.metric)):
        drawn = curve_lines(points, _CURVE_WIDTH, _CURVE_HEIGHT)
        if drawn:
            lines += ["", name, *drawn]
    if record.status.value in {"died", "failed"} and look.log:
        lines += ["", f"last lines of {look.folder.log}:"]
        lines += [displayable_line(f"  {line}") for line in look.log[-_LOG_LINES:]]
    return lines


def outcome_lines(outcomes: Sequence[SpecOutcome]) -> list[str]:
    """Return what a run changed: figures with intervals for each kind, queries fixed and broken."""
    lines: list[str] = []
    for outcome in outcomes:
        lines += ["", displayable_line(f"{outcome.spec_name}: before and after")]
        before = {group.kind: group.figures for group in outcome.before.summary.by_kind}
        for group in outcome.after.summary.by_kind:
            for metric in _metrics(outcome.after.summary):
                if group.kind in before and metric in group.figures:
                    lines.append(
                        f"  {group.kind or 'all':<9}{metric:<9}"
                        f"{shown_figure(before[group.kind][metric])}  ->"
                        f"  {shown_figure(group.figures[metric])}"
                    )
        found = outcome.comparison
        for name, change in (("fixed", Change.FIXED), ("broken", Change.BROKEN)):
            changed = found.changed(change)
            lines.append(f"  {len(changed)} {name}")
            lines += _queries(changed)
    return lines


def _queries(changed: Sequence[QueryDelta]) -> Iterable[str]:
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
            group.kind or "all": {
                metric: figure_document(figure) for metric, figure in group.figures.items()
            }
            for group in summary.by_kind
        },
    }


def _delta(each: QueryDelta) -> dict[str, object]:
    return {
        "query": each.query.text,
        "kind": each.query.kind,
        "before": each.before,
        "after": each.after,
    }
