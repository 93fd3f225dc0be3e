"""Calls to an OpenAI-compatible server, by the ``openai`` package.

The package sends, retries and backs off. Its typed answers cost more than the call itself, so the
answer is taken as text and read by ``completion``. Connections are spread over several clients: the
package's connection pool walks all its connections for each call. The usual exchange with a server
on plain http is made by ``plain_lane``, which says why.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Final

from core.errors import JudgeError
from labels.judge.completion import Completion, CompletionError, parse_completion
from labels.judge.plain_lane import LaneMissError, plain_lane

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openai import APIConnectionError, APIStatusError, AsyncOpenAI

    from labels.judge.server import Server

_CONNECTIONS_EACH: Final = 8
_REFUSED: Final = {401, 403}
_UNKNOWN: Final = 404
_UNFIT: Final = {400, 422}
#: What may be left out of any request; servers refuse it with 400, 403, 500 or 501.
_OPTIONAL: Final = "logprob"
#: A server may ask for a wait of up to two minutes before a retry.
_LONGEST_WAIT: Final = 120.0
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
        self._lane = plain_lane(server)
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
                body = await self._send(request)
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
        if self._lane:
            await self._lane.aclose()
        for client in self._clients:
            if client:
                await client.close()

    async def _send(self, request: Mapping[str, object]) -> str:
        """Return the answer's text: by the lane if it can, else by the package with its retries."""
        tries = self._server.attempts
        if self._lane:
            try:
                return await self._lane.post(json.dumps(request).encode())
            except LaneMissError as miss:
                tries -= miss.answered
                self._lane = None if miss.unfit else self._lane
                await asyncio.sleep(miss.wait)
            except TimeoutError:
                tries -= 1
                if not tries:
                    raise
        client = self._client()
        if tries < self._server.attempts:
            client = client.with_options(max_retries=max(tries - 1, 0))
        return await client.post("/chat/completions", cast_to=str, body=dict(request))

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
