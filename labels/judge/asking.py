"""Asking a model for replies of one shape, in the form that its server takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from labels.judge.chat_client import CallError, ChatClient, UnfitRequestError
from labels.judge.request_form import RequestForm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labels.judge.completion import Completion
    from labels.judge.request_form import ReplyShape
    from labels.judge.rubric import Message
    from labels.judge.server import Server

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
