"""A filter as an SQL condition on pair ids."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from labels.audit_records import AuditFilter, LabelState
from labels.disputes import ADJUDICATED_PAIRS, DISPUTED_PAIRS

if TYPE_CHECKING:
    from core.records import Judge

_GRADED: Final = "action IN ('confirm', 'override')"
#: What people did together, whoever asks.
_BY_ALL: Final = {
    LabelState.FLAGGED: "(SELECT pair_id FROM standing_events WHERE action = 'flag')",
    LabelState.DISPUTED: DISPUTED_PAIRS,
    LabelState.ADJUDICATED: ADJUDICATED_PAIRS,
}
_BY_ANNOTATOR: Final = (
    "(SELECT pair_id FROM standing_events WHERE annotator = {annotator} AND {what})"
)


@dataclass(slots=True)
class Condition:
    """SQL text and the parameters it names, ``$1`` first."""

    sql: str = "TRUE"
    parameters: list[object] = field(default_factory=list)

    def parameter(self, value: object) -> str:
        """Add a parameter and return its name in the SQL."""
        self.parameters.append(value)
        return f"${len(self.parameters)}"

    def also(self, sql: str) -> None:
        """Ask for one thing more."""
        self.sql = sql if self.sql == "TRUE" else f"{self.sql} AND {sql}"


def condition(
    audit_filter: AuditFilter, annotator: str, judge: Judge | None, pair: str
) -> Condition:
    """Return the condition that a filter puts on the pair id expression ``pair``."""
    wanted = Condition()
    _add_state(wanted, audit_filter.state, annotator, pair)
    if audit_filter.graders and audit_filter.state is LabelState.UNLABELLED:
        me, most = wanted.parameter(annotator), wanted.parameter(audit_filter.graders)
        wanted.also(
            f"{pair} NOT IN (SELECT pair_id FROM standing_events WHERE annotator <> {me}"
            f" AND {_GRADED} GROUP BY pair_id HAVING count(DISTINCT annotator) >= {most})"
        )
    if audit_filter.scores:
        judged = f"judge_id = {wanted.parameter(judge.id)}" if judge is not None else "FALSE"
        wanted.also(
            f"{pair} IN (SELECT pair_id FROM current_judgments WHERE {judged}"
            f" AND list_contains({wanted.parameter(sorted(audit_filter.scores))}, score))"
        )
    if audit_filter.disagreement is not None:
        wanted.also(
            f"{pair} IN (SELECT pair_id FROM current_judgments GROUP BY pair_id"
            f" HAVING max(score) - min(score) >= {wanted.parameter(audit_filter.disagreement)})"
        )
    _add_content(wanted, audit_filter, pair)
    return wanted


def _add_state(wanted: Condition, state: LabelState, annotator: str, pair: str) -> None:
    if state is LabelState.ANY:
        return
    if state in _BY_ALL:
        wanted.also(f"{pair} IN {_BY_ALL[state]}")
        return
    what, negation = {
        LabelState.UNLABELLED: (f"({_GRADED} OR action = 'skip')", "NOT "),
        LabelState.LABELLED: (_GRADED, ""),
        LabelState.SKIPPED: ("action = 'skip'", ""),
    }[state]
    pairs = _BY_ANNOTATOR.format(annotator=wanted.parameter(annotator), what=what)
    wanted.also(f"{pair} {negation}IN {pairs}")


def _add_content(wanted: Condition, audit_filter: AuditFilter, pair: str) -> None:
    parts = []
    if audit_filter.kind is not None:
        parts.append(f"q.kind = {wanted.parameter(audit_filter.kind.value)}")
    if audit_filter.path:
        parts.append(f"contains(lower(d.path), {wanted.parameter(audit_filter.path.lower())})")
    if audit_filter.language:
        parts.append(f"lower(d.language) = {wanted.parameter(audit_filter.language.lower())}")
    if audit_filter.text:
        text = wanted.parameter(audit_filter.text.lower())
        parts.append(f"(contains(lower(q.text), {text}) OR contains(lower(d.text), {text}))")
    if parts:
        wanted.also(
            f"{pair} IN (SELECT p.id FROM db.pairs AS p JOIN db.queries AS q ON q.id = p.query_id"
            f" JOIN db.documents AS d ON d.id = p.document_id WHERE {' AND '.join(parts)})"
        )
