"""What a judge's reply must be, and the ruling in it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from labels.judges.distribution import score_distribution
from labels.judges.json_reply import ReplyError, read_object, without_thoughts
from labels.judges.judge import Ruling

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labels.judges.completion import Completion
    from labels.judges.server import Server

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
#: Characters of a score that is none.
_QUOTED: Final = 40
_SCORE_TEXT: Final = re.compile(r"\s*([1-5])(?:\.0*)?\s*")
#: A score that is named in the prose around the object.
_NAMED_SCORE: Final = re.compile(
    r"\b(?:score|rating|grade)\b[^\w{}\n]{0,12}(?:(?:is|of|to|would be|should be)\W{1,3})?"
    r"([1-5])\b(?!\s*[-\u2013]\s*\d|\.\d)"
    r"|\bgive (?:it |this )?(?:an? )?([1-5])(?=\s*(?:[.,;!)]|$))",
    re.IGNORECASE | re.MULTILINE,
)


class FinalReplyError(ReplyError):
    """A reply that cannot be used, and asking again would bring no other."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A rationale and a score from 1 to 5."""

    rationale: str
    score: int


def parse_reply(content: str, *, cut: bool = False) -> Reply:
    """Return the ruling in a model's reply.

    The score is the ``score`` of a JSON object that also has a ``rationale``: 4, 4.0 or "4", and
    nothing that needs guessing, such as "4/5" or "four". ``json_reply`` says which wrappings are
    read. Prose around the object must name no other score.

    Args:
        content: what the model wrote.
        cut: it was cut at the limit on tokens.

    Raises:
        ReplyError: there is no such object, or more than one reading.
    """
    reply, around = read_object(content, _checked, cut=cut, key=lambda found: found.score)
    if any(int(match[1] or match[2]) != reply.score for match in _NAMED_SCORE.finditer(around)):
        raise ReplyError("the text around the JSON object names another score")
    return reply


def read_ruling(completion: Completion, server: Server) -> Ruling:
    """Return the ruling of a completion, with its distribution where token probabilities came.

    Raises:
        ReplyError: the reply cannot be used. FinalReplyError: asking again would not help.
    """
    content = completion.content
    try:
        reply = parse_reply(content, cut=completion.cut)
    except ReplyError as error:
        raise _explained(error, completion) from None
    return Ruling(
        score=reply.score,
        rationale=server.without_key(reply.rationale),
        distribution=score_distribution(content, completion.logprobs, reply.score),
        prompt_tokens=completion.prompt_tokens,
        completion_tokens=completion.completion_tokens,
    )


def _checked(value: Mapping[str, object]) -> Reply:
    if not {"rationale", "score"} <= set(value):
        raise ReplyError('the JSON object must have the keys "rationale" and "score"')
    score, rationale = _grade(value["score"]), value["rationale"]
    if score is None:
        told = json.dumps(value["score"])[:_QUOTED]
        raise ReplyError(f'"score" must be an integer from 1 to 5, not {told}')
    if not isinstance(rationale, str):
        raise ReplyError('"rationale" must be text')
    if len(rationale) > RATIONALE_LIMIT:
        raise ReplyError(f'"rationale" must have at most {RATIONALE_LIMIT} characters')
    return Reply(rationale, score)


def _grade(value: object) -> int | None:
    if isinstance(value, str):
        match = _SCORE_TEXT.fullmatch(value)
        return int(match[1]) if match else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if value in {1, 2, 3, 4, 5} else None


def _explained(error: ReplyError, completion: Completion) -> ReplyError:
    if completion.tool:
        return FinalReplyError(f"the model called the tool {completion.tool} instead of answering")
    if not completion.cut:
        return error
    limit = f"{completion.limit} tokens" if completion.limit else "the server's own limit"
    if without_thoughts(completion.content):
        return ReplyError(f"the reply was cut at {limit}: {error}; raise --max-tokens")
    return FinalReplyError(f"the reply was cut at {limit} before the answer; raise --max-tokens")
