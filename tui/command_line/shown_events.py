"""Label events and audit items as JSON documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.records import LabelEvent
    from labels.audit_records import AuditItem


def event_document(event: LabelEvent) -> dict[str, object]:
    """Return what ``label``, ``undo`` and ``skip`` answer."""
    return {
        "pair": str(event.pair_id),
        "action": event.action.value,
        "grade": event.grade,
        "annotator": event.annotator,
        "event": str(event.id),
        "happened": f"{event.happened.isoformat()}Z",
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
    }
