"""What a server says when it does not answer: its words, and what kind of complaint they are.

Servers put errors in five shapes: OpenAI's ``{"error": {"message": ...}}``, ``{"error": "..."}``,
FastAPI's ``{"detail": ...}``, Google's list of one error, and the message at the top or as plain
text or HTML. Some send an error with status 200.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_OK: Final = 200
_PAYMENT: Final = 402
_NOT_FOUND: Final = 404
_TOO_LARGE: Final = 413
_KEY: Final = {401, 403}
_FORM: Final = {400, 415, 422, 501}
_TRANSIENT: Final = {408, 409, 425, 429}
_SERVER_FAULT: Final = 500
_LAST_STATUS: Final = 599
#: Characters of a page or text that is quoted.
_QUOTED: Final = 300
_LISTED: Final = 3
_QUOTA_WORDS: Final = ("insufficient_quota", "insufficient credits", "insufficient balance")
_PATH_WORDS: Final = ("unexpected endpoint", "unknown endpoint", "no such endpoint")
_CONTENT_WORDS: Final = ("content_filter", "content management policy", "content_policy", "flagged")
_CONTEXT_WORDS: Final = re.compile(
    r"context[ _](?:length|window|size)|tokens of context|max_model_len|reduce the length"
    r"|(?:prompt|input|request|sequence) (?:is )?too (?:long|large)|too many (?:input )?tokens"
    r"|max(?:_completion)?_tokens must be at least 1, got -\d"
)
_WINDOW: Final = re.compile(
    r"(?:context[ _](?:length|window|size)|max_model_len)\D{0,20}?(\d+)|(\d+) tokens of context"
)
_PROMPT: Final = re.compile(
    r"(\d+) (?:input tokens|prompt tokens|tokens? in the prompt|in the messages)"
    r"|(?:prompt|input|request) (?:has|is|contains) (\d+)"
)
#: Tokens that are left free where the room for a reply is computed, and the least room of use.
_MARGIN: Final = 16
_LEAST_ROOM: Final = 64


class Complaint(StrEnum):
    """What a server complains of, as far as its status and words say."""

    KEY = "the key, or this request's content"
    NOT_FOUND = "the model or the address"
    PAYMENT = "the account has no credit"
    CONTEXT = "the request is too long for the model"
    CONTENT = "the request's content"
    FORM = "a field of the request"
    TRANSIENT = "too much work, or a fault of its own"
    OTHER = "something else"


@dataclass(frozen=True, slots=True)
class ServerError:
    """An error as a server put it.

    ``status`` is the HTTP status, or the code in the body of a 200; 200 where that has none.
    ``code`` and ``parameter`` are the server's machine-readable words, empty where it has none.
    ``inside``: it came with status 200.
    """

    status: int
    message: str
    code: str = ""
    parameter: str = ""
    inside: bool = False

    @property
    def described(self) -> str:
        """The error for a person; untrusted text."""
        if self.status == _OK:
            return f"the server answered with an error: {self.message}"
        return f"the server answered {self.status}: {self.message}"

    @property
    def complaint(self) -> Complaint:
        """What the error is about."""
        status, said = self.status, f"{self.code} {self.message}".lower()
        named = f"{self.parameter} {said}".lower()
        fault = status in _TRANSIENT or (status >= _SERVER_FAULT and status not in _FORM)
        checks = (
            # Token probabilities are refused with 400, 403, 404, 500 and 501.
            (Complaint.FORM, "logprob" in named or "requested parameters" in said),
            (Complaint.PAYMENT, status == _PAYMENT or any(word in said for word in _QUOTA_WORDS)),
            (Complaint.KEY, status in _KEY),
            (
                Complaint.NOT_FOUND,
                status == _NOT_FOUND or any(word in said for word in _PATH_WORDS),
            ),
            (Complaint.TRANSIENT, fault),
            (Complaint.CONTEXT, status == _TOO_LARGE or bool(_CONTEXT_WORDS.search(said))),
            (Complaint.CONTENT, any(word in said for word in _CONTENT_WORDS)),
            (Complaint.FORM, status in _FORM),
        )
        return next((complaint for complaint, holds in checks if holds), Complaint.OTHER)

    def room_for_reply(self, limit: int) -> int | None:
        """Return a limit on the reply below ``limit`` that may fit the context; None: no room.

        It is what the named window leaves beside the named prompt, else a quarter of ``limit``.
        """
        said = self.message.lower().replace(",", "")
        window, prompt = _number(_WINDOW, said), _number(_PROMPT, said)
        if "got -" in said:
            return None
        room = limit // 4 if window is None or prompt is None else window - prompt - _MARGIN
        return room if _LEAST_ROOM <= room < limit else None


def read_error(status: int, body: str) -> ServerError:
    """Return the error in the body of an answer with an error status."""
    try:
        value = json.loads(body.lstrip("\ufeff"))
    except (ValueError, RecursionError):
        return ServerError(status, page_text(body) or "no reason is given")
    found = error_in(value, status)
    return found or ServerError(status, page_text(body) or "no reason is given")


def error_in(value: object, status: int = _OK) -> ServerError | None:
    """Return the error in the JSON of an answer, None where it holds none.

    Args:
        value: the answer's body.
        status: the answer's own status.
    """
    told = _error_part(value, whole=status != _OK)
    if told is None:
        return None
    message = "; ".join(_texts(told)) or "no reason is given"
    field = told if isinstance(told, dict) else {}
    inside = _status_of(field) if status == _OK else None
    code = " ".join(_words(field, ("code", "type", "status")))
    return ServerError(inside or status, message, code, _parameter(told), status == _OK)


def page_text(page: str) -> str:
    """Return the words of a web page or plain text on one line, shortened."""
    text = re.sub(r"<(?:script|style).*?</(?:script|style)>", " ", page[:10_000], flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())[:_QUOTED]


def _error_part(value: object, *, whole: bool) -> object:
    """Return what in a body describes the error; ``whole``: the body does as a whole."""
    if isinstance(value, list):
        return _error_part(value[0], whole=whole) if value else None
    if not isinstance(value, dict):
        return value if whole and isinstance(value, str) else None
    for name in ("error", "errors", "detail"):
        if value.get(name):
            return value[name]
    if value.get("object") == "error" or (whole and isinstance(value.get("message"), str)):
        return value
    choices = value.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first.get("error") or None if isinstance(first, dict) else None


def _texts(told: object) -> Iterator[str]:
    if isinstance(told, str):
        yield told
    elif isinstance(told, list):
        for part in told[:_LISTED]:
            yield from _texts(part)
    elif isinstance(told, dict):
        place = _place(told)
        for text in _first_words(told, ("message", "msg", "detail", "error")):
            yield f"{place}: {text}" if place else text
        metadata = told.get("metadata")
        if isinstance(metadata, dict):
            # OpenRouter: why its moderation flagged the input, and the provider's own words.
            yield from _words(metadata, ("raw",))
            yield from _texts(metadata.get("reasons"))


def _place(told: Mapping[str, object]) -> str:
    """Return where FastAPI found the error: ``body.messages``."""
    place = told.get("loc")
    return ".".join(str(part) for part in place) if isinstance(place, list) else ""


def _parameter(told: object) -> str:
    if isinstance(told, list):
        told = told[0] if told else None
    if not isinstance(told, dict):
        return ""
    named = told.get("param")
    return named if isinstance(named, str) else _place(told)


def _status_of(told: Mapping[str, object]) -> int | None:
    for name in ("code", "status"):
        value = told.get(name)
        if isinstance(value, str) and value.isdecimal():
            value = int(value)
        if type(value) is int and 400 <= value <= _LAST_STATUS:  # noqa: PLR2004 - errors
            return value
    return None


def _first_words(told: Mapping[str, object], names: Iterable[str]) -> list[str]:
    return list(_words(told, names))[:1]


def _words(told: Mapping[str, object], names: Iterable[str]) -> Iterator[str]:
    for name in names:
        value = told.get(name)
        if isinstance(value, str) and value:
            yield value


def _number(pattern: re.Pattern[str], text: str) -> int | None:
    match = pattern.search(text)
    return int(next(group for group in match.groups() if group)) if match else None
