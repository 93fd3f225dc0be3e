"""A model that writes queries for a document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labels.generating.generation_prompt import (
    QueriesError,
    again_messages,
    generation_messages,
    parse_queries,
    queries_shape,
)
from labels.generating.generation_records import Generated, WrittenQuery
from labels.generating.query_checks import overlap_share, refusal_of_text
from labels.judge.asking import Asker
from labels.judge.chat_client import CallError

if TYPE_CHECKING:
    from core.records import Document
    from labels.generating.generation_records import GenerationPlan
    from labels.generating.query_checks import KnownQueries
    from labels.judge.completion import Completion
    from labels.judge.server import Server


class QueryWriter:
    """Asks a server. Made and used in one asyncio loop.

    Args:
        server: where.
        model: whom.
        plan: how many queries, and how near to the code's words they may be.
        known: the queries that there are; what is taken is added to it.
    """

    def __init__(
        self, server: Server, model: str, plan: GenerationPlan, known: KnownQueries
    ) -> None:
        self._server = server
        self._plan = plan
        self._known = known
        self._asker = Asker(
            server,
            model,
            queries_shape(plan.per_document),
            max_tokens=plan.max_tokens,
            temperature=plan.temperature,
            concurrency=plan.concurrency,
        )

    @property
    def notices(self) -> tuple[str, ...]:
        """What the server did not take."""
        return self._asker.form.notices

    async def write(self, document: Document) -> Generated:
        """Ask for queries; once more when the reply cannot be read, or none can be used.

        Raises:
            JudgeError: the server cannot be asked at all.
        """
        count = self._plan.per_document
        opening = generation_messages(document, count)
        try:
            first = await self._asker.ask(opening)
        except CallError as error:
            return Generated(failure=str(error))
        written, reason = self._read(first, document)
        if reason is None:
            return _generated(written, None, first)
        try:
            said = self._server.without_key(first.content)
            second = await self._asker.ask(again_messages(opening, said, reason, count))
        except CallError as error:
            return _generated(written, None if written else f"{reason}; {error}", first)
        more, wrong = self._read(second, document)
        failure = None if written or more else f"{wrong}; before that: {reason}"
        return _generated((*written, *more), failure, first, second)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._asker.aclose()

    def _read(
        self, completion: Completion, document: Document
    ) -> tuple[tuple[WrittenQuery, ...], str | None]:
        """Return the queries of a reply, each checked, and why to ask again, None: not to."""
        try:
            texts = parse_queries(
                self._server.without_key(completion.content),
                self._plan.per_document,
                plain=not self._asker.form.schema,
            )
        except QueriesError as error:
            cut = f"the reply was cut at {self._plan.max_tokens} tokens: " if completion.cut else ""
            return (), self._server.safe_line(f"{cut}{error}")
        written = tuple(self._checked(text, document) for text in texts)
        if any(one.refused is None for one in written):
            return written, None
        reasons = "; ".join(f'"{one.text[:80]}": {one.refused}' for one in written)
        return written, reasons

    def _checked(self, text: str, document: Document) -> WrittenQuery:
        safe = self._server.without_key(text)
        refused = refusal_of_text(safe, document, self._plan.most_overlap)
        refused = refused or self._known.refusal(safe)
        if refused is None:
            self._known.add(safe)
        return WrittenQuery(safe, overlap_share(safe, document), refused)


def _generated(
    written: tuple[WrittenQuery, ...], failure: str | None, *completions: Completion
) -> Generated:
    return Generated(
        written,
        failure,
        sum(one.prompt_tokens for one in completions),
        sum(one.completion_tokens for one in completions),
    )
