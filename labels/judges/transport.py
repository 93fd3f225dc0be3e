"""Chat requests over HTTP, by the ``openai`` package.

The package sends, retries and backs off; an error that comes with status 200 is retried here. The
package's typed answers cost more than the call itself, so the answer is taken as text. Connections
are spread over several clients: the package's pool walks all its connections for each call. A call
costs about 2 ms of CPU (one core of a server of 2021), less than any model takes to answer.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from core.errors import JudgeError
from labels.judges.completion import ANSWER_LIMIT, CompletionError, completion_of, parse_answer
from labels.judges.server_errors import Complaint, ServerError, error_in, read_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openai import APIConnectionError, AsyncOpenAI

    from labels.judges.completion import Completion
    from labels.judges.server import Server

_CONNECTIONS_PER_CLIENT: Final = 8
#: The package waits no longer than this between two attempts.
_LONGEST_WAIT: Final = 120.0
_FIRST_WAIT: Final = 0.5
_LAST_WAIT: Final = 8.0
#: Names of the HTTP library's errors; which library that is differs between versions.
_NEVER_CONNECTED: Final = {"ConnectError", "ConnectTimeout"}


class CallError(Exception):
    """A call without a completion; the message is the reason, on one line."""


class RefusedError(CallError):
    """The server answered with an error."""

    def __init__(self, error: ServerError, reason: str) -> None:
        super().__init__(reason)
        self.error = error


class Transport:
    """Connections to one server, for ``concurrency`` calls at a time. Used in one asyncio loop."""

    def __init__(self, server: Server, concurrency: int) -> None:
        self._server = server
        self._answered = False
        self._next = 0
        self._clients: list[AsyncOpenAI | None] = [None] * -(
            -concurrency // _CONNECTIONS_PER_CLIENT
        )

    async def complete(self, request: Mapping[str, object]) -> Completion:
        """Send one chat request and return the completion.

        Raises:
            JudgeError: the server cannot be reached and never was.
            RefusedError: the server answered with an error, after the retries.
            CallError: no answer came, or one without a completion.
        """
        for wait in _waits(self._server.attempts - 1):
            try:
                return await self._complete_once(request)
            except RefusedError as refused:
                if not (refused.error.inside and refused.error.complaint is Complaint.TRANSIENT):
                    raise
            await asyncio.sleep(wait)
        return await self._complete_once(request)

    async def aclose(self) -> None:
        """Close the connections."""
        for client in self._clients:
            if client:
                await client.close()

    async def _complete_once(self, request: Mapping[str, object]) -> Completion:
        try:
            answer = parse_answer(await self._post(request))
            error = error_in(answer)
            if error is None:
                return completion_of(answer)
        except CompletionError as wrong:
            raise CallError(self._server.safe_line(str(wrong))) from None
        raise self._refused(error)

    async def _post(self, request: Mapping[str, object]) -> str:
        import openai

        server = self._server
        try:
            async with asyncio.timeout((server.timeout + _LONGEST_WAIT) * server.attempts):
                body = await self._client().post(
                    "/chat/completions", cast_to=str, body=dict(request)
                )
        except openai.APIStatusError as error:
            self._answered = True
            text = error.response.text[:ANSWER_LIMIT]
            raise self._refused(read_error(error.status_code, text)) from None
        except (openai.APITimeoutError, TimeoutError):
            raise CallError(
                f"no answer within {server.timeout:g} s ({server.attempts} tries)"
            ) from None
        except openai.APIConnectionError as error:
            raise self._broken(error) from None
        except (openai.OpenAIError, UnicodeError) as error:
            raise CallError(server.safe_line(str(error))) from None
        self._answered = True
        return body

    def _client(self) -> AsyncOpenAI:
        """Return the clients in turn, each made when first needed: making one takes 50 ms."""
        from openai import AsyncOpenAI

        server, place = self._server, self._next % len(self._clients)
        self._next += 1
        client = self._clients[place]
        if client is None:
            client = self._clients[place] = AsyncOpenAI(
                api_key=server.key,
                base_url=server.base_url,
                default_query=server.query,
                default_headers=server.headers,
                timeout=server.timeout,
                max_retries=server.attempts - 1,
            )
        return client

    def _refused(self, error: ServerError) -> RefusedError:
        return RefusedError(error, self._server.safe_line(error.described))

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


def _waits(retries: int) -> list[float]:
    return [min(_FIRST_WAIT * 2.0**number, _LAST_WAIT) for number in range(retries)]
