"""What a judge's reply must be, checked by plain code."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

RATIONALE_LIMIT: Final = 4_000

REPLY_SCHEMA: Final[dict[str, object]] = {
    "type": "object",
    "properties": {
        "rationale": {"type": "string"},
        "score": {"type": "integer", "enum": [1, 2, 3, 4, 5]},
    },
    "required": ["rationale", "score"],
    "additionalProperties": False,
}

_DECODER: Final = json.JSONDecoder()
_OBJECTS_READ: Final = 50


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply that fits the schema."""

    rationale: str
    score: int


class ReplyError(ValueError):
    """A reply that does not fit; the message says what is wrong, in words the model can act on."""


def parse_reply(content: str, *, plain: bool = False) -> Reply:
    """Return the ruling in a model's reply.

    A score is taken from the integer ``score`` of a JSON object that fits the schema and from
    nowhere else: not from prose, not from the text ``"4"``, not from ``4.0``.

    Args:
        content: what the model wrote.
        plain: the server cannot be held to the schema, so the object may stand among other text;
            when several objects fit and differ, none is taken.

    Raises:
        ReplyError: there is no such object.
    """
    text = content.strip()
    if not text:
        raise ReplyError("the reply is empty")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        if plain:
            return _only_ruling(text)
        raise ReplyError("the reply is not one JSON object") from None
    return _checked(value)


def _only_ruling(text: str) -> Reply:
    found: list[Reply] = []
    wrong = ReplyError("there is no JSON object in the reply")
    position = text.find("{")
    for _ in range(_OBJECTS_READ):
        if position < 0:
            break
        try:
            value, position = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError):
            position = text.find("{", position + 1)
            continue
        try:
            found.append(_checked(value))
        except ReplyError as error:
            wrong = error
        position = text.find("{", position)
    if not found:
        raise wrong
    if len({reply.score for reply in found}) > 1:
        raise ReplyError("the reply holds several JSON objects with different scores")
    return found[-1]


def _checked(value: object) -> Reply:
    if not isinstance(value, dict):
        raise ReplyError("the reply is not a JSON object")
    if set(value) != {"rationale", "score"}:
        raise ReplyError('the JSON object must have the keys "rationale" and "score" and no others')
    score, rationale = value["score"], value["rationale"]
    if type(score) is not int or not 1 <= score <= 5:  # noqa: PLR2004 - the scale
        raise ReplyError('"score" must be an integer from 1 to 5')
    if not isinstance(rationale, str):
        raise ReplyError('"rationale" must be text')
    if len(rationale) > RATIONALE_LIMIT:
        raise ReplyError(f'"rationale" must have at most {RATIONALE_LIMIT} characters')
    return Reply(rationale, score)
