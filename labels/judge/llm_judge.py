"""An LLM as a judge: rubric in, checked reply out, one repair, else a failure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from core.records import JudgeKind
from labels.judge.chat_client import CallError, ChatClient, UnfitRequestError
from labels.judge.reply_schema import Reply, ReplyError, parse_reply
from labels.judge.request_form import RequestForm
from labels.judge.rubric import CODE_BUDGET, PROMPT, opening_messages, repair_messages
from labels.judge.ruling import Ruling
from labels.judgments import make_judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.records import Document, Judge, Query
    from labels.judge.completion import Completion
    from labels.judge.rubric import Message
    from labels.judge.server import Server

_FORMS_TRIED: Final = 5


@dataclass(frozen=True, slots=True)
class JudgeParameters:
    """The parameters that make a judge what it is, beside its model and its prompt.

    ``temperature`` from 0 to 2; ``max_tokens`` of a reply, with a reasoning model's thoughts;
    ``code_budget``: characters of code that are sent.
    """

    temperature: float = 0.0
    max_tokens: int = 2048
    code_budget: int = CODE_BUDGET


def llm_judge_record(model: str, parameters: JudgeParameters, name: str = "") -> Judge:
    """Return the judge: name, model, prompt and parameters.

    The server's address is not part of it: the same model asked the same way is the same judge,
    wherever it runs. Nor is the form that a server needs the request in (see ``RequestForm``).
    """
    return make_judge(
        name or model,
        JudgeKind.LLM,
        model=model,
        prompt=PROMPT,
        parameters=json.dumps(asdict(parameters), sort_keys=True),
    )


class LlmJudge:
    """Asks a server. Made and used in one asyncio loop."""

    def __init__(
        self,
        server: Server,
        judge: Judge,
        parameters: JudgeParameters,
        *,
        concurrency: int = 8,
    ) -> None:
        self.judge = judge
        self._server = server
        self._parameters = parameters
        self._client = ChatClient(server, judge.model, concurrency)
        self._form = RequestForm()
        self._schema_taken = False

    @property
    def notices(self) -> tuple[str, ...]:
        """What the server did not take."""
        return self._form.notices

    async def rule(self, query: Query, document: Document) -> Ruling:
        """Ask for a score; a reply that does not fit is sent back once.

        Raises:
            JudgeError: no pair can be scored.
        """
        opening = opening_messages(query, document, self._parameters.code_budget)
        try:
            first = await self._ask(opening)
        except CallError as error:
            return Ruling(failure=str(error))
        try:
            return self._ruling(self._read(first), first)
        except ReplyError as error:
            reason = str(error)
        try:
            second = await self._ask(repair_messages(opening, first.content, reason))
        except CallError as error:
            return self._failure(f"{reason}; asked again: {error}", first)
        try:
            return self._ruling(self._read(second), first, second)
        except ReplyError as error:
            return self._failure(f"{error}; before that: {reason}", first, second)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _ask(self, messages: Sequence[Message]) -> Completion:
        """Send the messages in the form that this server takes, found by its complaints.

        A weaker form is kept for the rest of the run only when the server took it. A complaint that
        names nothing is laid on the JSON schema, unless the server has taken that before.
        """
        form = self._form
        for _ in range(_FORMS_TRIED):
            request = form.request(
                self.judge.model,
                messages,
                self._parameters.max_tokens,
                self._parameters.temperature,
            )
            try:
                completion = await self._client.complete(request)
            except UnfitRequestError as error:
                weaker = form.weaker(str(error))
                if weaker is None and form.schema and not self._schema_taken:
                    weaker = form.without_schema()
                if weaker is None:
                    raise
                form = weaker
            else:
                self._form = form
                self._schema_taken |= form.schema
                return completion
        raise CallError("the server takes none of the forms of the request")

    def _read(self, completion: Completion) -> Reply:
        try:
            return parse_reply(completion.content, plain=not self._form.schema)
        except ReplyError as error:
            if completion.cut:
                limit = self._parameters.max_tokens
                raise ReplyError(f"the reply was cut at {limit} tokens: {error}") from None
            raise

    def _ruling(self, reply: Reply, *completions: Completion) -> Ruling:
        return Ruling(
            score=reply.score,
            rationale=self._server.without_key(reply.rationale),
            prompt_tokens=sum(one.prompt_tokens for one in completions),
            completion_tokens=sum(one.completion_tokens for one in completions),
        )

    def _failure(self, reason: str, *completions: Completion) -> Ruling:
        return Ruling(
            failure=self._server.safe_line(reason),
            prompt_tokens=sum(one.prompt_tokens for one in completions),
            completion_tokens=sum(one.completion_tokens for one in completions),
        )
