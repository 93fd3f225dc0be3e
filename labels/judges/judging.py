"""Judging: a judge rules on every pending pair, and each judgment is committed as it comes."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.errors import JudgeError
from core.ids import event_id, utc_now
from core.records import Judgment
from core.store.tables import add_judge, add_judgments
from labels.judges.judge import JudgingProgress, JudgingReport, count_failures
from labels.judges.pending import PairChoice, count_pairs, pending_pages

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from core.records import QueryKind
    from core.store.database import Store
    from labels.judges.judge import JudgeBackend, Ruling
    from labels.judges.pending import PendingPair

FAILURES_IN_A_ROW: Final = 20
#: Seconds between two reports of progress.
_TICK: Final = 0.1
#: The pause after a commit is this many times the commit: at a low rate each judgment is committed
#: at once, at a high rate committing takes a tenth of the time at most.
_PAUSE: Final = 9.0
_LONGEST_PAUSE: Final = 0.5


@dataclass(frozen=True, slots=True)
class JudgingPlan:
    """Which pairs to judge, and how.

    ``concurrency`` pairs at a time, ``limit`` pairs at most. ``kind``, ``retry_failed`` and
    ``pairs`` choose them, see ``PairChoice``. The run stops after ``failures_in_a_row``.
    """

    concurrency: int = 8
    limit: int | None = None
    kind: QueryKind | None = None
    retry_failed: bool = False
    pairs: tuple[UUID, ...] | None = None
    failures_in_a_row: int = FAILURES_IN_A_ROW

    def choice(self, judge_id: UUID) -> PairChoice:
        """Return the pairs of the plan for a judge."""
        return PairChoice(judge_id, self.kind, self.retry_failed, self.pairs)


def judge_pairs(
    store: Store,
    make_backend: Callable[[], JudgeBackend],
    plan: JudgingPlan,
    *,
    progress: Callable[[JudgingProgress], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> JudgingReport:
    """Have a judge rule on the pairs that it has not ruled on; block until it is done.

    Runs its own asyncio loop in the calling thread, so call it from a worker thread. Judgments are
    committed as they come: whatever ends the run, they stay, and the next run does the rest.

    Args:
        store: pairs are read from it, judgments are added.
        make_backend: makes the judge; called in the loop.
        plan: which pairs, and how many at a time.
        progress: called ten times a second, in the calling thread.
        cancelled: polled ten times a second; calls in flight are dropped when it returns True.

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
    """One run: a task that feeds pairs, ``concurrency`` workers, a writer, and the counts."""

    def __init__(self, store: Store, backend: JudgeBackend, plan: JudgingPlan) -> None:
        self._store = store
        self._backend = backend
        self._plan = plan
        self._choice = plan.choice(backend.judge.id)
        pending, self._skipped = count_pairs(store, self._choice)
        self._total = pending if plan.limit is None else min(pending, plan.limit)
        self._pairs: asyncio.Queue[PendingPair | None] = asyncio.Queue(2 * plan.concurrency)
        self._writer = JudgmentWriter(store)
        self._began = time.monotonic()
        self._judged = self._in_a_row = 0
        self._failures: list[str] = []
        self._prompt_tokens = self._completion_tokens = 0

    async def until_done(
        self, progress: Callable[[JudgingProgress], None], cancelled: Callable[[], bool]
    ) -> bool:
        """Run to the end or until cancelled, commit, and return whether it was cancelled."""
        writing = asyncio.create_task(self._writer.run())
        judging = asyncio.create_task(self._judge_all())
        try:
            while not judging.done() and not writing.done():
                await asyncio.wait({judging, writing}, timeout=_TICK)
                progress(self._progress())
                if cancelled():
                    return True
        finally:
            judging.cancel()
            results = await asyncio.gather(judging, return_exceptions=True)
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
            len(self._failures),
            self._skipped,
            self._prompt_tokens,
            self._completion_tokens,
            time.monotonic() - self._began,
            cancelled,
            self._backend.notices,
            count_failures(self._failures),
        )

    async def _judge_all(self) -> None:
        tasks = [asyncio.create_task(self._work()) for _ in range(self._plan.concurrency)]
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

    async def _work(self) -> None:
        while pair := await self._pairs.get():
            began = time.monotonic()
            ruling = await self._backend.rule(pair.query, pair.document)
            seconds = time.monotonic() - began
            self._writer.put(
                judgment_of(
                    ruling, pair.pair_id, self._backend.judge.id, event_id(), seconds=seconds
                )
            )
            self._count(ruling)

    def _count(self, ruling: Ruling) -> None:
        self._prompt_tokens += ruling.prompt_tokens
        self._completion_tokens += ruling.completion_tokens
        if ruling.failure is None:
            self._judged += 1
            self._in_a_row = 0
            return
        self._failures.append(ruling.failure)
        self._in_a_row += 1
        if self._in_a_row >= self._plan.failures_in_a_row:
            raise JudgeError(
                f"{self._in_a_row} judgments failed in a row, the last one: {ruling.failure}",
                todo="Fix that, then ask for the failed ones too: rejudge judge --retry-failed",
            )

    def _progress(self) -> JudgingProgress:
        failed = len(self._failures)
        done = self._judged + failed
        passed = time.monotonic() - self._began
        rate = done / passed if passed > 0 else 0.0
        return JudgingProgress(
            done,
            self._total,
            failed,
            self._prompt_tokens,
            self._completion_tokens,
            rate,
            (self._total - done) / rate if rate > 0 else None,
        )


def judgment_of(
    ruling: Ruling, pair: UUID, judge: UUID, identifier: UUID, *, seconds: float = 0.0
) -> Judgment:
    """Return the record of a ruling, made now."""
    return Judgment(
        identifier,
        pair,
        judge,
        utc_now(),
        score=ruling.score,
        failure=ruling.failure,
        distribution=ruling.distribution,
        rationale=ruling.rationale,
        prompt_tokens=ruling.prompt_tokens,
        completion_tokens=ruling.completion_tokens,
        seconds=seconds,
    )


class JudgmentWriter:
    """Commits judgments: at once, or together with those that came during the last commit."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[Judgment] = []
        self._arrived = asyncio.Event()
        self._closing = asyncio.Event()

    def put(self, judgment: Judgment) -> None:
        """Take a judgment; it is on disk within about half a second."""
        self._waiting.append(judgment)
        self._arrived.set()

    async def run(self) -> None:
        """Commit until ``close`` was called and nothing is left.

        Raises:
            StoreError: the store cannot be written; what was not committed is lost.
        """
        while not self._closing.is_set() or self._waiting:
            await self._arrived.wait()
            self._arrived.clear()
            batch, self._waiting = self._waiting, []
            if not batch:
                continue
            began = time.monotonic()
            await asyncio.to_thread(self._commit, batch)
            await self._pause(min((time.monotonic() - began) * _PAUSE, _LONGEST_PAUSE))

    def close(self) -> None:
        """Let ``run`` end when everything is committed."""
        self._closing.set()
        self._arrived.set()

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            return

    def _commit(self, batch: list[Judgment]) -> None:
        with self._store.transaction() as cursor:
            add_judgments(cursor, batch)
