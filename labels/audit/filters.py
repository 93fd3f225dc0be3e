"""Filters of an audit: the records, the line that people type, the SQL, and counts.

In the line, words of the form ``name:value`` narrow; the rest is searched for in query and code::

    score:4,5 kind:semantic path:asyncio lang:python is:flagged disagree:2 retry after failure
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from core.records import GRADES, QueryKind
from labels.audit.items import DISPUTE

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.records import Judge
    from core.store.database import Store


#: Subqueries of pair ids: in dispute, and adjudicated.
DISPUTED_PAIRS: Final = (
    "(SELECT pair_id FROM current_labels"
    " WHERE pair_id NOT IN (SELECT pair_id FROM adjudicated_labels)"
    f" GROUP BY pair_id HAVING max(grade) - min(grade) >= {DISPUTE})"
)
ADJUDICATED_PAIRS: Final = "(SELECT pair_id FROM adjudicated_labels)"


class LabelState(StrEnum):
    """The state of a pair: for the annotator, and from ``FLAGGED`` on for everybody."""

    ANY = "any"
    UNLABELLED = "unlabelled"
    LABELLED = "labelled"
    SKIPPED = "skipped"
    FLAGGED = "flagged"
    DISPUTED = "disputed"
    ADJUDICATED = "adjudicated"


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which pairs to audit. An empty field does not narrow.

    ``scores`` are scores of the audited judge. ``disagreement`` is the least distance between the
    highest and the lowest score that judges gave the pair. ``path`` and ``text`` ignore case;
    ``text`` is searched for in query and code. ``graders`` excludes pairs that so many other people
    graded.
    """

    scores: frozenset[int] = frozenset()
    disagreement: int | None = None
    kind: QueryKind | None = None
    path: str = ""
    language: str = ""
    state: LabelState = LabelState.UNLABELLED
    text: str = ""
    graders: int | None = None

    @property
    def active(self) -> bool:
        """Whether the filter narrows the default queue."""
        return replace(self, graders=None) != AuditFilter()

    @property
    def settles(self) -> bool:
        """Whether the filter is for adjudicating pairs on which people differ."""
        return self.state in {LabelState.DISPUTED, LabelState.ADJUDICATED}

    @property
    def plain_but_for_scores(self) -> bool:
        """Whether the filter narrows by scores at most."""
        return not replace(self, scores=frozenset()).active


@dataclass(frozen=True, slots=True)
class AuditCounts:
    """An annotator's progress under one filter, and their agreement with judges.

    Under a filter for disputes ``done`` counts the adjudicated pairs. ``compared`` counts the
    annotator's current grades that were compared with a judge's score, ``agreed`` those equal to
    it, ``within_one`` those at most 1 apart (``agreed`` included).
    """

    done: int = 0
    left: int = 0
    compared: int = 0
    agreed: int = 0
    within_one: int = 0


_SYNTAX: Final = (
    "Filters: score:4,5 kind:semantic kind:keyword path:TEXT lang:NAME"
    " is:unlabelled is:labelled is:skipped is:flagged is:disputed is:adjudicated is:any"
    " disagree:2; other words are searched for in query and code."
)


def parse_filter(text: str) -> AuditFilter:
    """Return the filter that a line describes.

    Raises:
        InputError: an invalid value, or a quote that is not closed.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise InputError("a quote is not closed", where=text, todo="Close it.") from error
    chosen = AuditFilter()
    free: list[str] = []
    for word in words:
        name, colon, value = word.partition(":")
        if colon and name in _NARROWERS:
            chosen = _NARROWERS[name](chosen, value)
        else:
            free.append(word)
    return replace(chosen, text=" ".join(free))


def filter_text(chosen: AuditFilter) -> str:
    """Return the line that ``parse_filter`` parses to ``chosen``."""
    words = []
    if chosen.scores:
        words.append("score:" + ",".join(str(score) for score in sorted(chosen.scores)))
    if chosen.disagreement is not None:
        words.append(f"disagree:{chosen.disagreement}")
    if chosen.kind is not None:
        words.append(f"kind:{chosen.kind.value}")
    if chosen.path:
        words.append(shlex.quote(f"path:{chosen.path}"))
    if chosen.language:
        words.append(shlex.quote(f"lang:{chosen.language}"))
    if chosen.state is not LabelState.UNLABELLED:
        words.append(f"is:{chosen.state.value}")
    words += [shlex.quote(word) for word in chosen.text.split()]
    return " ".join(words)


def _unknown(word: str) -> InputError:
    return InputError("this is not a filter", where=word, todo=_SYNTAX)


def _scores(chosen: AuditFilter, value: str) -> AuditFilter:
    scores: set[int] = set()
    for part in value.split(","):
        first, _, last = part.partition("-")
        if not first.isdecimal() or not (last or first).isdecimal():
            raise _unknown(f"score:{value}")
        scores.update(range(int(first), int(last or first) + 1))
    if not scores or not scores <= set(GRADES):
        raise _unknown(f"score:{value}")
    return replace(chosen, scores=frozenset(scores))


def _disagreement(chosen: AuditFilter, value: str) -> AuditFilter:
    if value not in {"1", "2", "3", "4"}:
        raise _unknown(f"disagree:{value}")
    return replace(chosen, disagreement=int(value))


def _kind(chosen: AuditFilter, value: str) -> AuditFilter:
    if value not in list(QueryKind):
        raise _unknown(f"kind:{value}")
    return replace(chosen, kind=QueryKind(value))


def _state(chosen: AuditFilter, value: str) -> AuditFilter:
    if value not in list(LabelState):
        raise _unknown(f"is:{value}")
    return replace(chosen, state=LabelState(value))


def _path(chosen: AuditFilter, value: str) -> AuditFilter:
    return replace(chosen, path=value)


def _language(chosen: AuditFilter, value: str) -> AuditFilter:
    return replace(chosen, language=value.lower())


_NARROWERS: Final[dict[str, Callable[[AuditFilter, str], AuditFilter]]] = {
    "score": _scores,
    "disagree": _disagreement,
    "kind": _kind,
    "path": _path,
    "lang": _language,
    "is": _state,
}


_GRADED: Final = "action IN ('confirm', 'override')"
#: States that do not depend on the annotator.
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
    """An SQL condition and its parameters, ``$1`` first."""

    sql: str = "TRUE"
    parameters: list[object] = field(default_factory=list)

    def parameter(self, value: object) -> str:
        """Add a parameter and return its name in the SQL."""
        self.parameters.append(value)
        return f"${len(self.parameters)}"

    def also(self, sql: str) -> None:
        """Require another condition too."""
        self.sql = sql if self.sql == "TRUE" else f"{self.sql} AND {sql}"


def condition(
    audit_filter: AuditFilter, annotator: str, judge: Judge | None, pair: str
) -> Condition:
    """Return a filter as a condition on the SQL expression ``pair``, a pair id."""
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


def audit_counts(
    store: Store, annotator: str, judge: Judge | None, audit_filter: AuditFilter
) -> AuditCounts:
    """Count what the annotator has done and has left under a filter, and how often they agree.

    A skipped pair counts as finished, a disputed pair is done when it is adjudicated. Agreement
    covers all current grades of the annotator that were compared with a score of the judge, under
    any filter; without a judge, with any score.
    """
    done, left = _progress(store, annotator, judge, audit_filter)
    compared, agreed, within_one = store.read(
        "SELECT count(*), count(*) FILTER (label.grade = seen.score),"
        " count(*) FILTER (abs(label.grade - seen.score) <= 1)"
        " FROM current_labels AS label JOIN db.judgments AS seen ON seen.id = label.judgment_id"
        " WHERE label.annotator = $1 AND seen.score IS NOT NULL"
        + (" AND seen.judge_id = $2" if judge else ""),
        [annotator, judge.id] if judge else [annotator],
    )[0]
    return AuditCounts(done, left, compared, agreed, within_one)


def _progress(
    store: Store, annotator: str, judge: Judge | None, audit_filter: AuditFilter
) -> tuple[int, int]:
    """Return the number of graded pairs and of pairs left."""
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
