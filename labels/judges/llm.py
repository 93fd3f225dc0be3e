"""An LLM as a judge: rubric in, checked reply out; one repair, else a failure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Final

from core.records import JudgeKind
from core.store.tables import make_judge
from labels.judges.client import ChatClient
from labels.judges.distribution import pooled
from labels.judges.json_reply import ReplyError
from labels.judges.judge import Ruling
from labels.judges.prompt import (
    CODE_BUDGET,
    DEFAULT_PROMPT,
    opening_messages,
    prompt_text,
    repair_messages,
)
from labels.judges.reply import REPLY_SCHEMA, FinalReplyError, read_ruling
from labels.judges.request_form import FEWER_TOP, ReplyShape
from labels.judges.transport import CallError

if TYPE_CHECKING:
    from core.records import Document, Judge, Query
    from labels.judges.completion import Completion
    from labels.judges.prompt import JudgePrompt
    from labels.judges.request_form import Message, RequestForm
    from labels.judges.server import Server

RULING_SHAPE: Final = ReplyShape("ruling", REPLY_SCHEMA)


@dataclass(frozen=True, slots=True)
class JudgeParameters:
    """What identifies a judge beside its model and its prompt.

    ``temperature`` from 0 to 2; ``max_tokens`` of a reply, a reasoning model's thoughts included;
    ``code_budget``: characters of code that are sent; ``samples``: requests for each pair.
    """

    temperature: float = 0.0
    max_tokens: int = 2048
    code_budget: int = CODE_BUDGET
    samples: int = 1


def llm_judge_record(
    model: str, parameters: JudgeParameters, name: str = "", prompt: JudgePrompt = DEFAULT_PROMPT
) -> Judge:
    """Return the judge's record; its id follows from name, model, prompt and parameters.

    The server's address is not part of it: the same model asked the same way is the same judge
    wherever it runs. Nor is the form of request that a server needs. The default name is made of
    the model, the prompt version and the samples.
    """
    identity = asdict(parameters)
    if parameters.samples == 1:
        del identity["samples"]
    version = f"/{prompt.name}" if prompt.name else ""
    times = f" x{parameters.samples}" if parameters.samples > 1 else ""
    return make_judge(
        name or f"{model}{version}{times}",
        JudgeKind.LLM,
        model=model,
        prompt=prompt_text(prompt),
        parameters=json.dumps(identity, sort_keys=True),
    )


@dataclass(frozen=True, slots=True)
class LlmSettings:
    """An LLM judge, and where and how it is asked.

    ``judge`` is the record under which its rulings are stored, made from the model, ``parameters``
    and ``prompt``. ``concurrency``: calls at a time at most. ``logprobs``: ask for token
    probabilities, which give the distribution over the scores.
    """

    server: Server
    judge: Judge
    parameters: JudgeParameters
    prompt: JudgePrompt = DEFAULT_PROMPT
    concurrency: int = 8
    logprobs: bool = True


class LlmJudge:
    """A judge that asks a server. Made and used in one asyncio loop."""

    def __init__(self, settings: LlmSettings) -> None:
        self.judge = settings.judge
        self._settings = settings
        self._server = settings.server
        self._client = ChatClient(
            settings.server,
            settings.judge.model,
            RULING_SHAPE,
            max_tokens=settings.parameters.max_tokens,
            temperature=settings.parameters.temperature,
            concurrency=settings.concurrency,
            logprobs=settings.logprobs,
        )
        self._scored = self._distributed = 0

    @property
    def notices(self) -> tuple[str, ...]:
        """What the server did not take or give."""
        notices = self._client.form.notices
        if self._settings.logprobs and self._scored and not self._distributed:
            sampled = self._settings.parameters.samples > 1
            without = "are shares of the samples" if sampled else "are not there"
            notices += (f"the server tells no token probabilities: distributions {without}",)
        return notices

    @property
    def form(self) -> RequestForm:
        """The form of request that the server is known to take."""
        return self._client.form

    async def rule(self, query: Query, document: Document) -> Ruling:
        """Ask for a score, once for each sample.

        Raises:
            JudgeError: no pair can be scored.
        """
        count = self._settings.parameters.samples
        samples = [await self._rule_once(query, document) for _ in range(count)]
        self._scored += sum(sample.score is not None for sample in samples)
        self._distributed += sum(sample.distribution is not None for sample in samples)
        return pooled(samples) if count > 1 else samples[0]

    def batch_body(self, query: Query, document: Document) -> dict[str, object]:
        """Return the request about a pair, in the form that the server is known to take.

        It asks for few token probabilities: the answers of a batch come in one file.
        """
        few = min(self.form.top_logprobs, FEWER_TOP)
        return self._client.body(
            self._opening(query, document), replace(self.form, top_logprobs=few)
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _rule_once(self, query: Query, document: Document) -> Ruling:
        """Ask once; a reply that cannot be used is sent back once, where that may help."""
        opening = self._opening(query, document)
        try:
            first = await self._client.ask(opening)
        except CallError as error:
            return Ruling(failure=str(error))
        try:
            return read_ruling(first, self._server)
        except FinalReplyError as error:
            return self._failure(str(error), first)
        except ReplyError as error:
            reason = self._server.safe_line(str(error))
        try:
            reply = self._server.without_key(first.content)
            second = await self._client.ask(repair_messages(opening, reply, reason))
        except CallError as error:
            return self._failure(f"{reason}; asked again: {error}", first)
        return self._repaired(first, reason, second)

    def _repaired(self, first: Completion, reason: str, second: Completion) -> Ruling:
        try:
            ruling = read_ruling(second, self._server)
        except ReplyError as error:
            again = self._server.safe_line(str(error))
            both = f"{again}; before that: {reason}" if again != reason else f"{again}, twice"
            return self._failure(both, first, second)
        return replace(
            ruling,
            prompt_tokens=first.prompt_tokens + second.prompt_tokens,
            completion_tokens=first.completion_tokens + second.completion_tokens,
        )

    def _opening(self, query: Query, document: Document) -> list[Message]:
        settings = self._settings
        return opening_messages(query, document, settings.parameters.code_budget, settings.prompt)

    def _failure(self, reason: str, *completions: Completion) -> Ruling:
        return Ruling(
            failure=self._server.safe_line(reason),
            prompt_tokens=sum(completion.prompt_tokens for completion in completions),
            completion_tokens=sum(completion.completion_tokens for completion in completions),
        )
