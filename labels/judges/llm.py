"""An LLM as a judge: rubric in, checked reply out, one repair, else a failure."""

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
    from labels.judges.request_form import RequestForm
    from labels.judges.server import Server


RULING_SHAPE: Final = ReplyShape("ruling", REPLY_SCHEMA)


@dataclass(frozen=True, slots=True)
class JudgeParameters:
    """The parameters that make a judge what it is, beside its model and its prompt.

    ``temperature`` from 0 to 2; ``max_tokens`` of a reply, with a reasoning model's thoughts;
    ``code_budget``: characters of code that are sent; ``samples``: how many times each pair is
    asked about.
    """

    temperature: float = 0.0
    max_tokens: int = 2048
    code_budget: int = CODE_BUDGET
    samples: int = 1


def llm_judge_record(
    model: str, parameters: JudgeParameters, name: str = "", prompt: JudgePrompt = DEFAULT_PROMPT
) -> Judge:
    """Return the judge: name, model, prompt and parameters.

    The server's address is not part of it: the same model asked the same way is the same judge,
    wherever it runs. Nor is the form that a server needs the request in (see ``RequestForm``).
    Without a name it is called after its model, its prompt version and its samples.
    """
    told = asdict(parameters)
    if parameters.samples == 1:
        del told["samples"]
    version = f"/{prompt.name}" if prompt.name else ""
    times = f" x{parameters.samples}" if parameters.samples > 1 else ""
    return make_judge(
        name or f"{model}{version}{times}",
        JudgeKind.LLM,
        model=model,
        prompt=prompt_text(prompt),
        parameters=json.dumps(told, sort_keys=True),
    )


@dataclass(frozen=True, slots=True)
class LlmSettings:
    """An LLM judge, and where and how it is asked."""

    server: Server
    judge: Judge
    parameters: JudgeParameters
    prompt: JudgePrompt = DEFAULT_PROMPT
    concurrency: int = 8
    logprobs: bool = True

    def make(self) -> LlmJudge:
        """Make the judge, in the asyncio loop in which it will be used."""
        return LlmJudge(
            self.server,
            self.judge,
            self.parameters,
            concurrency=self.concurrency,
            prompt=self.prompt,
            logprobs=self.logprobs,
        )


class LlmJudge:
    """Asks a server. Made and used in one asyncio loop.

    Args:
        server: where.
        judge: what its rulings are stored under.
        parameters: the judge's own.
        concurrency: calls at a time at most.
        prompt: the judge's own.
        logprobs: whether to ask for token probabilities, from which the distribution comes.
    """

    def __init__(
        self,
        server: Server,
        judge: Judge,
        parameters: JudgeParameters,
        *,
        concurrency: int = 8,
        prompt: JudgePrompt = DEFAULT_PROMPT,
        logprobs: bool = True,
    ) -> None:
        self.judge = judge
        self._server = server
        self._parameters = parameters
        self._prompt = prompt
        self._client = ChatClient(
            server,
            judge.model,
            RULING_SHAPE,
            max_tokens=parameters.max_tokens,
            temperature=parameters.temperature,
            concurrency=concurrency,
            logprobs=logprobs,
        )
        self._wanted = logprobs
        self._scored = self._distributed = 0

    @property
    def notices(self) -> tuple[str, ...]:
        """What the server did not take or give."""
        said = self._client.form.notices
        if self._wanted and self._scored and not self._distributed:
            without = "are shares of the samples" if self._sampled else "are not there"
            said += (f"the server tells no token probabilities: distributions {without}",)
        return said

    @property
    def form(self) -> RequestForm:
        """The form of request that the server is known to take."""
        return self._client.form

    async def rule(self, query: Query, document: Document) -> Ruling:
        """Ask for a score, as many times as there are samples.

        Raises:
            JudgeError: no pair can be scored.
        """
        samples = [await self._rule_once(query, document) for _ in range(self._parameters.samples)]
        for sample in samples:
            self._scored += sample.score is not None
            self._distributed += sample.distribution is not None
        return pooled(samples) if self._sampled else samples[0]

    def batch_body(self, query: Query, document: Document) -> dict[str, object]:
        """Return the request that asks about a pair, in the form that the server takes.

        It asks for few token probabilities: the answers of a batch come in one file.
        """
        opening = opening_messages(query, document, self._parameters.code_budget, self._prompt)
        form = self._client.form
        few = min(form.top_logprobs, FEWER_TOP)
        return self._client.body(opening, replace(form, top_logprobs=few))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    @property
    def _sampled(self) -> bool:
        return self._parameters.samples > 1

    async def _rule_once(self, query: Query, document: Document) -> Ruling:
        """Ask once; a reply that cannot be used is sent back once, where that may help."""
        opening = opening_messages(query, document, self._parameters.code_budget, self._prompt)
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
            said = self._server.without_key(first.content)
            second = await self._client.ask(repair_messages(opening, said, reason))
        except CallError as error:
            return self._failure(f"{reason}; asked again: {error}", first)
        try:
            ruling = read_ruling(second, self._server)
        except ReplyError as error:
            last = self._server.safe_line(str(error))
            same = f"{last}; so it was when asked again"
            return self._failure(
                same if last == reason else f"{last}; before that: {reason}", first, second
            )
        return replace(
            ruling,
            prompt_tokens=first.prompt_tokens + second.prompt_tokens,
            completion_tokens=first.completion_tokens + second.completion_tokens,
        )

    def _failure(self, reason: str, *completions: Completion) -> Ruling:
        return Ruling(
            failure=self._server.safe_line(reason),
            prompt_tokens=sum(completion.prompt_tokens for completion in completions),
            completion_tokens=sum(completion.completion_tokens for completion in completions),
        )
