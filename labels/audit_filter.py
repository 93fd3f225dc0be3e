"""The filter line of the audit screen: text to ``AuditFilter`` and back.

Words of the form ``name:value`` narrow, the rest is looked for in query and code::

    score:4,5 kind:semantic path:asyncio lang:python is:flagged disagree:2 retry after failure
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from core.records import GRADES, QueryKind
from labels.audit_records import AuditFilter, LabelState

if TYPE_CHECKING:
    from collections.abc import Callable

_SYNTAX: Final = (
    "Known are score:4,5 kind:semantic kind:keyword path:TEXT lang:NAME"
    " is:unlabelled is:labelled is:skipped is:flagged is:disputed is:adjudicated is:any"
    " disagree:2; other words are looked for in query and code."
)


def parse_filter(text: str) -> AuditFilter:
    """Return the filter that a line asks for.

    Raises:
        InputError: a value that a name does not take, or a quote that is not closed.
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
    """Return the line that ``parse_filter`` reads as ``chosen``."""
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
    return InputError("the filter does not know this", where=word, todo=_SYNTAX)


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
