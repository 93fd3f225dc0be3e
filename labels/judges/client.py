"""Calls to an OpenAI-compatible server, by the ``openai`` package.

The package sends, retries and backs off. Its typed answers cost more than the call itself, so the
answer is taken as text and read by ``completion``. Connections are spread over several clients: the
package's connection pool walks all its connections for each call. A call costs about 2 ms of CPU
(one core of a server of 2021): 500 calls a second at most, more than any model answers.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.errors import JudgeError
from labels.judges.server import RequestForm

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from openai import APIConnectionError, APIStatusError, AsyncOpenAI

    from labels.judges.server import ReplyShape, Server

    Message = Mapping[str, str]

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


_LONGEST_WAIT: Final = 120.0
_CONNECTIONS_EACH: Final = 8
_REFUSED: Final = {401, 403}
_UNKNOWN: Final = 404
_UNFIT: Final = {400, 422}
#: What may be left out of any request; servers refuse it with 400, 403, 500 or 501.
_OPTIONAL: Final = "logprob"

_NEVER_CONNECTED: Final = {"ConnectError", "ConnectTimeout"}


class CallError(Exception):
    """A call that brought no completion; the message is the reason, on one line."""


class UnfitRequestError(CallError):
    """The server refuses the request as it is put: something in it is not known there."""


class ChatClient:
    """Sends requests for chat completions, ``concurrency`` at a time at most."""

    def __init__(self, server: Server, model: str, concurrency: int) -> None:
        self._server = server
        self._model = model
        self._answered = False
        self._next = 0
        self._clients: list[AsyncOpenAI | None] = [None] * -(-concurrency // _CONNECTIONS_EACH)

    async def complete(self, request: Mapping[str, object]) -> Completion:
        """Send one request and return what the model wrote.

        Raises:
            JudgeError: no call can succeed: the key is refused, the model or the server is absent.
            UnfitRequestError: the server does not take the request as it is put.
            CallError: this call failed, after the client's own retries.
        """
        import openai

        server = self._server
        try:
            async with asyncio.timeout((server.timeout + _LONGEST_WAIT) * server.attempts):
                body = await self._client().post(
                    "/chat/completions", cast_to=str, body=dict(request)
                )
            self._answered = True
            return parse_completion(body)
        except openai.APIStatusError as error:
            self._answered = True
            raise self._refusal(error) from None
        except (openai.APITimeoutError, TimeoutError):
            raise CallError(
                f"no answer within {server.timeout:g} s ({server.attempts} tries)"
            ) from None
        except openai.APIConnectionError as error:
            raise self._broken(error) from None
        except (openai.OpenAIError, UnicodeError) as error:
            raise CallError(server.safe_line(str(error))) from None
        except CompletionError as error:
            raise CallError(str(error)) from None

    async def aclose(self) -> None:
        """Close every connection."""
        for client in self._clients:
            if client:
                await client.close()

    def _client(self) -> AsyncOpenAI:
        """Return the package's clients in turn; one takes 50 ms to make, so each when needed."""
        from openai import AsyncOpenAI

        place = self._next % len(self._clients)
        self._next += 1
        client = self._clients[place]
        if client is None:
            client = self._clients[place] = AsyncOpenAI(
                api_key=self._server.key,
                base_url=self._server.address,
                timeout=self._server.timeout,
                max_retries=self._server.attempts - 1,
            )
        return client

    def _refusal(self, error: APIStatusError) -> Exception:
        server, status = self._server, error.status_code
        said = server.safe_line(error.message)
        if _OPTIONAL in said.lower():
            return UnfitRequestError(f"the server answered {status}: {said}")
        if status in _REFUSED:
            return JudgeError(
                f"the server refuses the API key ({status}): {said}",
                where=server.shown,
                todo="Set REJUDGE_API_KEY or OPENAI_API_KEY to a key of that server.",
            )
        if status == _UNKNOWN:
            return JudgeError(
                f"the server does not know the model {self._model}, or the address is not its own"
                f" (404): {said}",
                where=server.shown,
                todo="Check --model and --base-url; the address mostly ends in /v1.",
            )
        kind = UnfitRequestError if status in _UNFIT else CallError
        return kind(f"the server answered {status}: {said}")

    def _broken(self, error: APIConnectionError) -> Exception:
        cause = error.__cause__
        name = type(cause).__name__
        said = self._server.safe_line(str(cause) or name)
        if name in _NEVER_CONNECTED and not self._answered:
            return JudgeError(
                f"the server cannot be reached: {said}",
                where=self._server.shown,
                todo="Start the server, or check --base-url.",
            )
        return CallError(f"the connection failed: {said}")


_FORMS_TRIED: Final = 8


class Asker:
    """Asks one model on one server. Made and used in one asyncio loop.

    Args:
        server: where.
        model: whom.
        shape: the replies that are wanted.
        max_tokens: of a reply, with a reasoning model's thoughts.
        temperature: from 0 to 2.
        concurrency: calls at a time at most.
        logprobs: whether to ask for the probabilities of the reply's tokens.
    """

    def __init__(
        self,
        server: Server,
        model: str,
        shape: ReplyShape,
        *,
        max_tokens: int,
        temperature: float,
        concurrency: int,
        logprobs: bool = False,
    ) -> None:
        self.form = RequestForm() if logprobs else RequestForm(top_logprobs=0)
        self._model = model
        self._shape = shape
        self._max_tokens = max_tokens
        self._temperature = temperature
        self._client = ChatClient(server, model, concurrency)
        self._taken = False

    async def ask(self, messages: Sequence[Message]) -> Completion:
        """Send the messages and return what the model wrote.

        The form that the server takes is found by its complaints. A weaker one is kept for the
        rest of the run only when the server took it. After a complaint that names nothing of the
        request, other forms are tried, unless the server has taken this one before.

        Raises:
            JudgeError: no call can succeed.
            CallError: this call failed.
        """
        form = self.form
        guesses: list[RequestForm] | None = None
        for _ in range(_FORMS_TRIED):
            try:
                completion = await self._client.complete(self.body(messages, form))
            except UnfitRequestError as error:
                weaker = form.weaker(str(error))
                if weaker is None:
                    if guesses is None:
                        guesses = [] if self._taken else form.guesses()
                    if not guesses:
                        raise
                    weaker = guesses.pop(0)
                form = weaker
            else:
                self.form = form
                self._taken = True
                return completion
        raise CallError("the server takes none of the forms of the request")

    def body(
        self, messages: Sequence[Message], form: RequestForm | None = None
    ) -> dict[str, object]:
        """Return the request for these messages, in the form that the server is known to take."""
        return (form or self.form).request(
            self._model,
            messages,
            self._shape,
            max_tokens=self._max_tokens,
            temperature=self._temperature,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()
