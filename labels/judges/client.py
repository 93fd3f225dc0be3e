"""Replies of one shape from one model, in the form of request that its server takes.

Servers refuse fields that others need. The first pair finds the form, by the server's complaints,
before the other pairs are asked about; the form then stays for the run. Three things keep a
complaint about one pair from costing the others:

* a form that is found by guessing, because the complaint named no field, counts only when a second
  pair needs it too: the second pair is first asked about in the form that was given up;
* once the form is found, a complaint that names a field changes the request for that pair alone;
* a pair that is too long for the model's context is asked about with a smaller limit on the reply.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from core.errors import JudgeError
from labels.judges.request_form import RequestForm
from labels.judges.server_errors import Complaint
from labels.judges.transport import CallError, RefusedError, Transport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labels.judges.completion import Completion
    from labels.judges.request_form import Message, ReplyShape
    from labels.judges.server import Server
    from labels.judges.server_errors import ServerError

_MOST_REQUESTS: Final = 12
_HARMLESS: Final = ({"role": "user", "content": "Reply with the word yes."},)


class ChatClient:
    """Asks one model on one server. Made and used in one asyncio loop.

    Args:
        server: where.
        model: its name on the server.
        shape: the replies that are wanted.
        max_tokens: limit on a reply, a reasoning model's thoughts included.
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
        self._server = server
        self._model = model
        self._shape = shape
        self._max_tokens = max_tokens
        self._temperature = temperature
        self._transport = Transport(server, concurrency)
        self._turn = asyncio.Lock()
        self._in_turn = True
        self._form_found = False
        self._given_up: RequestForm | None = None
        self._let_in = False

    async def ask(self, messages: Sequence[Message]) -> Completion:
        """Send the messages and return the completion.

        Until the form is found, one call goes at a time; when the server fails for a reason of its
        own, the others need not wait.

        Raises:
            JudgeError: no call can succeed: the key, the model, the account, the address.
            CallError: this call failed.
        """
        async with self._turn:
            if not self._form_found and self._in_turn:
                try:
                    return await self._ask(messages)
                except RefusedError as refused:
                    self._in_turn = refused.error.complaint is not Complaint.TRANSIENT
                    raise
                except CallError:
                    self._in_turn = False
                    raise
        return await self._ask(messages)

    def body(
        self, messages: Sequence[Message], form: RequestForm | None = None, limit: int | None = None
    ) -> dict[str, object]:
        """Return the request for these messages, in the form that the server takes."""
        return (form or self.form).request(
            self._model,
            messages,
            self._shape,
            max_tokens=limit or self._max_tokens,
            temperature=self._temperature,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def _ask(self, messages: Sequence[Message]) -> Completion:
        attempt = self._first_attempt()
        for _ in range(_MOST_REQUESTS):
            body = self.body(messages, attempt.form, attempt.limit)
            try:
                completion = await self._transport.complete(body)
            except RefusedError as refused:
                following = attempt.after(refused.error)
                if following is None:
                    await self._stop_if_hopeless(refused)
                    raise
                attempt = following
            else:
                self._let_in = True
                self._remember(attempt)
                return replace(completion, limit=attempt.limit if attempt.form.limit_field else 0)
        raise CallError("the server takes none of the forms of the request")

    def _first_attempt(self) -> _Attempt:
        if self._form_found:
            return _Attempt(self.form, self._max_tokens, others=())
        if self._given_up is not None:
            return _Attempt(self._given_up, self._max_tokens, others=(self.form,))
        return _Attempt(self.form, self._max_tokens)

    def _remember(self, attempt: _Attempt) -> None:
        if self._form_found:
            return
        if attempt.guessed and attempt.form != self.form:
            self._given_up, self.form = self.form, attempt.form
            return
        self.form = attempt.form
        self._form_found = True

    async def _stop_if_hopeless(self, refused: RefusedError) -> None:
        """Raise JudgeError where every other call would be refused too."""
        complaint = refused.error.complaint
        if complaint is Complaint.PAYMENT:
            raise JudgeError(
                f"the account has no credit: {refused}",
                where=self._server.shown,
                todo="Pay or raise the quota, then run the same command again: it does the rest.",
            ) from None
        if self._let_in:
            return
        if complaint is Complaint.NOT_FOUND:
            raise JudgeError(
                f"the server does not know the model {self._model}, or the address is not its own:"
                f" {refused}",
                where=self._server.shown,
                todo="Check --model and --base-url; the address mostly ends in /v1.",
            ) from None
        if complaint is Complaint.KEY and await self._is_locked_out():
            raise JudgeError(
                f"the server refuses the API key: {refused}",
                where=self._server.shown,
                todo="Set REJUDGE_API_KEY or OPENAI_API_KEY to a key of that server.",
            ) from None

    async def _is_locked_out(self) -> bool:
        """Whether the server also refuses a harmless request.

        Moderation and firewalls refuse single pairs with the status of a refused key.
        """
        try:
            await self._transport.complete({"model": self._model, "messages": list(_HARMLESS)})
        except RefusedError as refused:
            return refused.error.complaint is Complaint.KEY
        except CallError:
            return False
        self._let_in = True
        return False


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A way to put one request.

    ``others`` are forms still to try after a complaint that names no field; None: all that the
    form can be guessed from. ``guessed``: ``form`` comes from them. ``shortened``: ``limit`` was
    made smaller for this pair.
    """

    form: RequestForm
    limit: int
    others: tuple[RequestForm, ...] | None = None
    guessed: bool = False
    shortened: bool = False

    def after(self, error: ServerError) -> _Attempt | None:
        """Return the next attempt after a refusal; None: there is none that may help."""
        if error.complaint is Complaint.CONTEXT:
            room = None if self.shortened else error.room_for_reply(self.limit)
            return replace(self, limit=room, shortened=True) if room else None
        if error.complaint is not Complaint.FORM:
            return None
        form = self.form.without(error)
        if form is not None:
            return replace(self, form=form)
        others = tuple(self.form.guesses()) if self.others is None else self.others
        if not others:
            return None
        return replace(self, form=others[0], others=others[1:], guessed=True)
