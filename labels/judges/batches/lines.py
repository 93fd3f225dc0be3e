"""The lines of a batch's files: requests out, answers in, read without trust."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID

from labels.judges.completion import ANSWER_LIMIT, Completion, CompletionError, completion_of
from labels.judges.server_errors import error_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

ENDPOINT: Final = "/v1/chat/completions"
EXPIRED: Final = "the batch expired before this request"
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """The answer to one request: a completion, or the reason why there is none.

    ``unasked``: the batch was cancelled before this request.
    """

    pair_id: UUID
    sample: int
    completion: Completion | None = None
    failure: str = ""
    unasked: bool = False


def request_line(pair: UUID, sample: int, body: Mapping[str, object]) -> bytes:
    """Return a request as a line of the file to upload."""
    request = {"custom_id": f"{pair}.{sample}", "method": "POST", "url": ENDPOINT, "body": body}
    return json.dumps(request).encode() + b"\n"


def split_lines(chunks: Iterable[bytes]) -> Iterator[bytes | None]:
    """Yield the lines of a file that comes in pieces; None for a line that is too long.

    Only a newline ends a line: JSON may hold every other character at which Python splits.
    """
    held, too_long = b"", False
    for chunk in chunks:
        *whole, rest = (held + chunk).split(b"\n")
        for line in whole:
            yield None if too_long else line
            too_long = False
        held, too_long = (b"", True) if too_long or len(rest) > ANSWER_LIMIT else (rest, False)
    if held or too_long:
        yield None if too_long else held


def read_answer(line: bytes) -> BatchAnswer | None:
    """Return the answer in a line of a result file; None when it names none of our requests."""
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        return None
    place = _place(_field(answer, "custom_id"))
    if place is None:
        return None
    response = _field(answer, "response")
    body = _field(response, "body")
    if _field(response, "status_code") == _OK and error_in(body) is None:
        try:
            return BatchAnswer(*place, completion_of(body))
        except CompletionError as wrong:
            return BatchAnswer(*place, failure=str(wrong))
    error = _field(answer, "error")
    unasked = _field(error, "code") == "batch_cancelled"
    return BatchAnswer(*place, failure=_reason(response, error), unasked=unasked)


def _reason(response: object, error: object) -> str:
    code, status = _field(error, "code"), _field(response, "status_code")
    if code == "batch_expired":
        return EXPIRED
    if type(status) is int:
        found = error_in(_field(response, "body"), status)
        if found:
            return found.described
    said = _field(error, "message") or code
    what = f"the server answered {status}" if type(status) is int else "the request failed"
    return f"{what}: {said}" if isinstance(said, str) else what


def _place(custom_id: object) -> tuple[UUID, int] | None:
    if not isinstance(custom_id, str):
        return None
    pair, _, sample = custom_id.partition(".")
    try:
        return UUID(pair), int(sample)
    except ValueError:
        return None


def _field(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None
