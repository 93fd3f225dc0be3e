"""A server's answer to one request, read without trust."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

#: Token probabilities make an answer a hundred times as long as its text.
ANSWER_LIMIT: Final = 8_000_000
_COUNT_LIMIT: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Completion:
    """What the model wrote, and what it cost in tokens.

    ``cut``: it was stopped by max_tokens. ``logprobs``: what the server says of the tokens'
    probabilities, as it came; None: nothing.
    """

    content: str
    cut: bool
    prompt_tokens: int
    completion_tokens: int
    logprobs: object = None


class CompletionError(ValueError):
    """An answer that is no chat completion; the message says why, on one line."""


def parse_completion(body: str) -> Completion:
    """Return the first choice of a chat completion.

    Raises:
        CompletionError: it is too long, no JSON, or has no choice with text.
    """
    if len(body) > ANSWER_LIMIT:
        raise CompletionError(
            f"the server's answer has {len(body):,} characters; {ANSWER_LIMIT:,} are allowed"
        )
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise CompletionError("the server's answer is not JSON") from None
    return completion_of(answer)


def completion_of(answer: object) -> Completion:
    """Return the first choice of a chat completion that was read from JSON.

    Raises:
        CompletionError: it has no choice with text.
    """
    choices = _field(answer, "choices")
    if not isinstance(choices, list) or not choices:
        raise CompletionError("the server's answer has no choices")
    message = _field(choices[0], "message")
    content = _field(message, "content")
    if not isinstance(content, str):
        refused = isinstance(_field(message, "refusal"), str)
        raise CompletionError(
            "the model refused to answer" if refused else "the server's answer has no text"
        )
    usage = _field(answer, "usage")
    return Completion(
        content,
        _field(choices[0], "finish_reason") == "length",
        _count(_field(usage, "prompt_tokens")),
        _count(_field(usage, "completion_tokens")),
        _field(choices[0], "logprobs"),
    )


def _field(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


def _count(value: object) -> int:
    return value if type(value) is int and 0 <= value <= _COUNT_LIMIT else 0
