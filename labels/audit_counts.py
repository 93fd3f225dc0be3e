"""How far an audit is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from labels.audit_conditions import condition
from labels.audit_records import AuditCounts, LabelState

if TYPE_CHECKING:
    from core.records import Judge
    from core.store import Store
    from labels.audit_records import AuditFilter


def audit_counts(
    store: Store, annotator: str, judge: Judge | None, audit_filter: AuditFilter
) -> AuditCounts:
    """Count what this annotator has done and has left under a filter, and how they agree.

    A pair is done when it is graded or skipped, a disputed one when it is adjudicated. Agreement
    covers all standing grades of the annotator that were compared with a score, whatever the
    filter.
    """
    done, left = _progress(store, annotator, judge, audit_filter)
    compared, agreed, within_one = store.read(
        "SELECT count(*), count(*) FILTER (label.grade = seen.score),"
        " count(*) FILTER (abs(label.grade - seen.score) <= 1)"
        " FROM current_labels AS label JOIN db.judgments AS seen ON seen.id = label.judgment_id"
        " WHERE label.annotator = $1 AND seen.score IS NOT NULL",
        [annotator],
    )[0]
    return AuditCounts(done, left, compared, agreed, within_one)


def _progress(
    store: Store, annotator: str, judge: Judge | None, audit_filter: AuditFilter
) -> tuple[int, int]:
    """Return how many pairs are graded and how many are left."""
    if audit_filter.active or audit_filter.graders:
        done = LabelState.ADJUDICATED if audit_filter.settles else LabelState.LABELLED
        graded = replace(audit_filter, state=done)
        return (
            _count(store, annotator, judge, graded),
            _count(store, annotator, judge, audit_filter),
        )
    (row,) = store.read(
        "SELECT (SELECT count(*) FROM db.pairs), count(DISTINCT pair_id),"
        " count(DISTINCT pair_id) FILTER (action <> 'skip') FROM standing_events"
        " WHERE annotator = $1 AND action IN ('confirm', 'override', 'skip')",
        [annotator],
    )
    pairs, finished, done = row
    return int(done), int(pairs) - int(finished)


def _count(store: Store, annotator: str, judge: Judge | None, audit_filter: AuditFilter) -> int:
    wanted = condition(audit_filter, annotator, judge, "id")
    (count,) = store.read(f"SELECT count(*) FROM db.pairs WHERE {wanted.sql}", wanted.parameters)[0]
    return int(count)
