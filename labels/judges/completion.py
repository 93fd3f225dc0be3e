"""A server's answer to one chat request, read without trust."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from labels.judges.server_errors import page_text

#: Characters. Token probabilities make an answer a hundred times as long as its text.
ANSWER_LIMIT: Final = 8_000_000
_COUNT_LIMIT: Final = 2**31 - 1
_TEXT_PARTS: Final = ("text", "output_text")


@dataclass(frozen=True, slots=True)
class Completion:
    """What the model wrote, and what it cost in tokens.

    ``cut``: it was stopped at ``limit`` tokens (0: no limit was sent). ``tool``: ``content`` is the
    arguments of a call of this tool. ``logprobs``: what the server says of the tokens'
    probabilities, as it came; None: nothing.
    """

    content: str
    cut: bool
    prompt_tokens: int
    completion_tokens: int
    logprobs: object = None
    tool: str = ""
    limit: int = 0


class CompletionError(ValueError):
    """An answer that holds no completion; the message says why, on one line."""


def parse_answer(body: str) -> object:
    """Return the JSON of an answer.

    Raises:
        CompletionError: it is too long or not JSON.
    """
    if len(body) > ANSWER_LIMIT:
        raise CompletionError(
            f"the server's answer has {len(body):,} characters; {ANSWER_LIMIT:,} are allowed"
        )
    text = body.removeprefix("\ufeff")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    if text.lstrip().startswith("data:"):
        raise CompletionError("the server's answer is a stream of events, which was not asked for")
    shown = page_text(text)
    raise CompletionError(f"the server's answer is not JSON{': ' if shown else ''}{shown}")


def completion_of(answer: object) -> Completion:
    """Return the first choice of a chat completion.

    Raises:
        CompletionError: it has no choice with text: a filter, a refusal, or nothing at all.
    """
    choices = _field(answer, "choices")
    if not isinstance(choices, list) or not choices:
        raise CompletionError("the server's answer has no choices")
    choice, message = choices[0], _field(choices[0], "message")
    finish = _field(choice, "finish_reason")
    if finish == "content_filter":
        raise CompletionError("the server's content filter stopped the reply")
    tool, content = "", _text_of(_field(message, "content"))
    if not content:
        tool, content = _tool_call(message) or ("", content)
    refusal = _field(message, "refusal")
    if not content and isinstance(refusal, str) and refusal:
        raise CompletionError(f"the model refused to answer: {refusal}")
    cut = finish == "length"
    if content is None and not cut:
        raise CompletionError("the server's answer has no text")
    usage = _field(answer, "usage")
    return Completion(
        content or "",
        cut,
        _count(_field(usage, "prompt_tokens")),
        _count(_field(usage, "completion_tokens")),
        _field(choice, "logprobs"),
        tool,
    )


def _text_of(content: object) -> str | None:
    """Return a message's text; of a list of parts its text parts, without the model's thoughts."""
    if not isinstance(content, list):
        return content if isinstance(content, str) else None
    parts = [part.get("text") for part in content if _field(part, "type") in _TEXT_PARTS]
    texts = [part for part in parts if isinstance(part, str)]
    return "".join(texts) if texts else None


def _tool_call(message: object) -> tuple[str, str] | None:
    """Return the first tool call's name and arguments."""
    calls = _field(message, "tool_calls")
    first = calls[0] if isinstance(calls, list) and calls else None
    function = _field(first, "function") or _field(message, "function_call")
    name, arguments = _field(function, "name"), _field(function, "arguments")
    if isinstance(arguments, dict):
        arguments = json.dumps(arguments)
    if not isinstance(name, str) or not isinstance(arguments, str):
        return None
    return name or "unnamed", arguments


def _field(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


def _count(value: object) -> int:
    return value if type(value) is int and 0 <= value <= _COUNT_LIMIT else 0
