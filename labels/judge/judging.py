"""The loop that asks a judge about every pair it has not ruled on."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.errors import JudgeError
from core.identity import event_id
from core.records import Judgment
from core.store import utc_now
from labels.judge.judging_records import JudgingProgress, JudgingReport
from labels.judge.judgment_writer import JudgmentWriter
from labels.judge.pending_pairs import PairChoice, PendingPair, count_pairs, pending_pages
from labels.judgments import add_judge

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from core.records import QueryKind
    from core.store import Store
    from labels.judge.ruling import JudgeBackend, Ruling

FAILURES_IN_A_ROW: Final = 20
_TICK: Final = 0.1


@dataclass(frozen=True, slots=True)
class JudgingPlan:
    """How to go about it.

    ``concurrency`` pairs are asked about at a time; ``limit`` pairs at most; ``kind`` of queries;
    ``retry_failed``: also those that failed before; ``pairs``: only these; after
    ``failures_in_a_row`` it stops.
    """

    concurrency: int = 8
    limit: int | None = None
    kind: QueryKind | None = None
    retry_failed: bool = False
    pairs: tuple[UUID, ...] | None = None
    failures_in_a_row: int = FAILURES_IN_A_ROW


def judge_pairs(
    store: Store,
    make_backend: Callable[[], JudgeBackend],
    plan: JudgingPlan,
    *,
    progress: Callable[[JudgingProgress], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> JudgingReport:
    """Let a judge rule on the pairs that it has not ruled on; block until it is done.

    It runs an asyncio loop of its own in the calling thread, which must have none: call it from a
    worker. Judgments are committed as they come. Whatever ends the run, those that had come stay,
    and the next run asks for the rest only.

    Args:
        store: pairs are read from it, judgments are added.
        make_backend: makes the judge; called in the loop.
        plan: which pairs, and how many at a time.
        progress: told ten times a second, in the calling thread.
        cancelled: asked ten times a second; calls in flight are dropped then.

    Raises:
        JudgeError: the judge cannot be used, or failed too often in a row.
        StoreError: the store cannot be read or written.
    """
    return asyncio.run(_judge(store, make_backend, plan, progress, cancelled))


async def _judge(
    store: Store,
    make_backend: Callable[[], JudgeBackend],
    plan: JudgingPlan,
    progress: Callable[[JudgingProgress], None],
    cancelled: Callable[[], bool],
) -> JudgingReport:
    backend = make_backend()
    try:
        with store.transaction() as cursor:
            add_judge(cursor, backend.judge)
        run = _Run(store, backend, plan)
        stopped = await run.until_done(progress, cancelled)
        return run.report(cancelled=stopped)
    finally:
        await backend.aclose()


class _Run:
    """One run: a feeder, so many askers, a writer, and the counts."""

    def __init__(self, store: Store, backend: JudgeBackend, plan: JudgingPlan) -> None:
        self._store = store
        self._backend = backend
        self._plan = plan
        self._choice = PairChoice(backend.judge.id, plan.kind, plan.retry_failed, plan.pairs)
        pending, self._skipped = count_pairs(store, self._choice)
        self._total = pending if plan.limit is None else min(pending, plan.limit)
        self._pairs: asyncio.Queue[PendingPair | None] = asyncio.Queue(2 * plan.concurrency)
        self._writer = JudgmentWriter(store)
        self._began = time.monotonic()
        self._judged = self._failed = self._in_a_row = 0
        self._prompt_tokens = self._completion_tokens = 0

    async def until_done(
        self, progress: Callable[[JudgingProgress], None], cancelled: Callable[[], bool]
    ) -> bool:
        """Run to the end, or until cancelled; return whether it was. All is committed then."""
        writing = asyncio.create_task(self._writer.run())
        asking = asyncio.create_task(self._ask_all())
        try:
            while not asking.done() and not writing.done():
                await asyncio.wait({asking, writing}, timeout=_TICK)
                progress(self._progress())
                if cancelled():
                    return True
        finally:
            asking.cancel()
            results = await asyncio.gather(asking, return_exceptions=True)
            self._writer.close()
            await writing
        if isinstance(results[0], Exception):
            raise results[0]
        progress(self._progress())
        return False

    def report(self, *, cancelled: bool) -> JudgingReport:
        """Return what was done."""
        return JudgingReport(
            self._backend.judge,
            self._judged,
            self._failed,
            self._skipped,
            self._prompt_tokens,
            self._completion_tokens,
            time.monotonic() - self._began,
            cancelled,
            self._backend.notices,
        )

    async def _ask_all(self) -> None:
        tasks = [asyncio.create_task(self._ask()) for _ in range(self._plan.concurrency)]
        tasks.append(asyncio.create_task(self._feed()))
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _feed(self) -> None:
        pages = pending_pages(self._store, self._choice, self._plan.limit)
        while page := await asyncio.to_thread(next, pages, None):
            for pair in page:
                await self._pairs.put(pair)
        for _ in range(self._plan.concurrency):
            await self._pairs.put(None)

    async def _ask(self) -> None:
        while pair := await self._pairs.get():
            began = time.monotonic()
            ruling = await self._backend.rule(pair.query, pair.document)
            self._take(pair, ruling, time.monotonic() - began)

    def _take(self, pair: PendingPair, ruling: Ruling, seconds: float) -> None:
        self._writer.put(
            Judgment(
                event_id(),
                pair.pair_id,
                self._backend.judge.id,
                utc_now(),
                score=ruling.score,
                failure=ruling.failure,
                distribution=ruling.distribution,
                rationale=ruling.rationale,
                prompt_tokens=ruling.prompt_tokens,
                completion_tokens=ruling.completion_tokens,
                seconds=seconds,
            )
        )
        self._prompt_tokens += ruling.prompt_tokens
        self._completion_tokens += ruling.completion_tokens
        if ruling.failure is None:
            self._judged += 1
            self._in_a_row = 0
            return
        self._failed += 1
        self._in_a_row += 1
        if self._in_a_row >= self._plan.failures_in_a_row:
            raise JudgeError(
                f"{self._in_a_row} judgments failed in a row, the last one: {ruling.failure}",
                todo="Mend that, then ask for the failed ones too: rejudge judge --retry-failed",
            )

    def _progress(self) -> JudgingProgress:
        done = self._judged + self._failed
        passed = time.monotonic() - self._began
        rate = done / passed if passed > 0 else 0.0
        return JudgingProgress(
            done,
            self._total,
            self._failed,
            self._prompt_tokens,
            self._completion_tokens,
            rate,
            (self._total - done) / rate if rate > 0 else None,
        )
