"""A ruling from what a model wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labels.judge.reply_schema import ReplyError, parse_reply
from labels.judge.ruling import Ruling
from labels.judge.score_distribution import score_distribution

if TYPE_CHECKING:
    from labels.judge.completion import Completion
    from labels.judge.server import Server


def read_ruling(completion: Completion, server: Server, *, plain: bool, max_tokens: int) -> Ruling:
    """Return the ruling of a completion, with its distribution where the answer tells one.

    Args:
        completion: the model's reply.
        server: whose key must not be kept.
        plain: the server could not be held to the schema.
        max_tokens: the limit at which a reply is cut.

    Raises:
        ReplyError: the reply does not fit the schema.
    """
    try:
        reply = parse_reply(completion.content, plain=plain)
    except ReplyError as error:
        if completion.cut:
            raise ReplyError(f"the reply was cut at {max_tokens} tokens: {error}") from None
        raise
    return Ruling(
        score=reply.score,
        rationale=server.without_key(reply.rationale),
        distribution=score_distribution(completion.content, completion.logprobs, reply.score),
        prompt_tokens=completion.prompt_tokens,
        completion_tokens=completion.completion_tokens,
    )
