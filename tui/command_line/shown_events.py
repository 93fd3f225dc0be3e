"""Label events and audit items as JSON documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.records import LabelEvent
    from labels.audit_records import AuditItem, EarlierLabel, Opinion


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
            {"line": each.line, "how": each.approach.value, "text": each.text}
            for each in item.addresses
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
