"""Runs as JSON and as lines for a person.

A training set's figures as lines for a person, and as a JSON document.

Label events and audit items as JSON documents.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from core.text import displayable_line
from eval.comparing import Change
from train.config import config_text, losses_text, tuning_text
from train.dataset.enough import warnings
from train.dataset.records import GradeSource, Split
from tui.shown.evals import figure_document, shown_figure
from tui.widgets.curves import curve_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from core.records import LabelEvent
    from eval.comparing import QueryDelta
    from eval.evals import EvalSummary
    from labels.audit.items import AuditItem, EarlierLabel, Opinion
    from train.dataset.summary import TrainingSetSummary
    from train.runs.outcome import SpecOutcome
    from train.runs.progress import RunView
    from train.runs.store import RunRecord


_SOURCES: Final = {
    GradeSource.LABEL: "labels",
    GradeSource.CALIBRATED: "calibrated grades",
    GradeSource.JUDGE: "judge scores",
    GradeSource.KEYWORD: "keyword pairs",
}
_SPLITS: Final = {Split.TRAIN: "trained on", Split.HELD_OUT: "held out"}


def summary_document(summary: TrainingSetSummary) -> dict[str, object]:
    """Return the figures as what JSON can hold, the warnings among them."""
    return asdict(summary) | {
        "keyword_share": summary.keyword_share,
        "warnings": list(warnings(summary)),
    }


def summary_rows(summary: TrainingSetSummary) -> list[tuple[str, str]]:
    """Return names and values, as the command line's tables have them; safe for the terminal."""
    rows = []
    for split in Split:
        rows.append((_SPLITS[split], _whole(summary, split)))
        rows += [
            (f"  {_SOURCES[source]}", grades)
            for source in GradeSource
            if (grades := _grades(summary, split, source))
        ]
    pool = f", {summary.pool:,} of them in no pair" if summary.pool else ""
    rows.append(("documents", f"{summary.documents:,}{pool}"))
    rows.append(("average weight", f"{summary.average_weight:.2f}"))
    if summary.above_cap:
        most = summary.plan.low_graded_per_query
        rows.append(
            ("low-graded pairs", f"{summary.above_cap:,} above {most} a query; the hardest stay")
        )
    rows += [("left out", f"{_pairs(left.pairs)}: {left.reason}") for left in summary.left_out]
    for dropped in summary.dropped:
        what = f"{_query_lines(dropped.queries)}, {_pairs(dropped.pairs)}: {dropped.rule}"
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
    """Return the figures as lines, the warnings last; safe for the terminal."""
    rows = summary_rows(summary)
    width = max(len(name) for name, _ in rows)
    return [
        *(f"{name:<{width}}  {value}" for name, value in rows),
        *(displayable_line(f"note: {warning}") for warning in warnings(summary)),
    ]


def _whole(summary: TrainingSetSummary, split: Split) -> str:
    kinds: dict[str, int] = {}
    for count in summary.queries:
        if count.split is split:
            name = "made" if count.made else str(count.kind or "no kind")
            kinds[name] = kinds.get(name, 0) + count.queries
    parts = ", ".join(f"{queries:,} {name}" for name, queries in kinds.items())
    queries = _query_lines(sum(kinds.values()))
    return f"{_pairs(summary.pair_count(split=split))} of {queries}" + (
        f": {parts}" if kinds else ""
    )


def _grades(summary: TrainingSetSummary, split: Split, source: GradeSource) -> str:
    counts = [each for each in summary.pairs if each.split is split and each.source is source]
    if not counts:
        return ""
    by_grade = ", ".join(f"{count.pairs:,} of {count.grade}" for count in reversed(counts))
    return f"{sum(count.pairs for count in counts):,}: {by_grade}"


def _pairs(number: int) -> str:
    return f"{number:,} {'pair' if number == 1 else 'pairs'}"


def _query_lines(number: int) -> str:
    return f"{number:,} {'query' if number == 1 else 'queries'}"


def event_document(event: LabelEvent) -> dict[str, object]:
    """Return what ``label``, ``undo`` and ``skip`` answer."""
    return {
        "pair": str(event.pair_id),
        "action": event.action.value,
        "grade": event.grade,
        "annotator": event.annotator,
        "event": str(event.id),
        "happened": f"{event.happened.isoformat()}Z",
        "adjudicates": event.adjudicates,
    }


def item_document(item: AuditItem) -> dict[str, object]:
    """Return what ``next`` answers."""
    return {
        "pair": str(item.pair.id),
        "query": item.query.text,
        "kind": item.query.kind.value if item.query.kind else None,
        "path": item.document.path,
        "symbol": item.document.symbol,
        "language": item.document.language,
        "lines": [item.document.start_line, item.document.end_line],
        "text": item.document.text,
        "addresses_judge": [
            {"line": each.line, "how": each.kind.value, "text": each.text}
            for each in item.injections
        ],
        "judgments": [
            {
                "judge": ruling.judge.name,
                "judge_kind": ruling.judge.kind.value,
                "score": ruling.judgment.score,
                "distribution": ruling.judgment.distribution,
                "rationale": ruling.judgment.rationale,
            }
            for ruling in item.rulings
        ],
        "failures": [{"judge": name, "reason": reason} for name, reason in item.failures],
        "labels": [
            {"annotator": label.annotator, "grade": label.grade, "action": label.action.value}
            for label in item.labels
        ],
        "opinions": [_opinion(one) for one in item.opinions],
        "adjudicated": _label(item.adjudication) if item.adjudication else None,
    }


def _opinion(opinion: Opinion) -> dict[str, object]:
    return _label(opinion.label) | {"notes": list(opinion.notes)}


def _label(label: EarlierLabel) -> dict[str, object]:
    return {
        "annotator": label.annotator,
        "grade": label.grade,
        "action": label.action.value,
        "blind": label.hidden,
        "happened": f"{label.happened.isoformat()}Z",
        "milliseconds": label.milliseconds,
    }


def opinion_lines(item: AuditItem) -> list[str]:
    """Return what each person said, and what was adjudicated, a line each."""
    lines = [_opinion_line("person", one.label, one.notes) for one in item.opinions]
    if item.adjudication is not None:
        lines.append(_opinion_line("above ", item.adjudication, ()))
    return lines


def _opinion_line(head: str, label: EarlierLabel, notes: tuple[str, ...]) -> str:
    took = f", {label.milliseconds / 1000:.0f} s" if label.milliseconds is not None else ""
    said = f"  {' / '.join(notes)}" if notes else ""
    when = f"{label.happened:%Y-%m-%d %H:%M} UTC"
    return f"{head} {label.annotator}: {label.grade}  ({label.action}, {when}{took}){said}"


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


def look_document(look: RunView) -> dict[str, object]:
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


def look_lines(record: RunRecord, look: RunView | None) -> list[str]:
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
