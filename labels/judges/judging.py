"""The loop that asks a judge about every pair it has not ruled on.

Judgments into the store as they come, by one writer.

The pairs that a judge has not ruled on, in pages that fit in memory.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.errors import JudgeError
from core.ids import event_id, utc_now
from core.records import Judgment
from core.store.tables import add_judge, add_judgments, documents_by_id, queries_by_id
from labels.judges.judge import JudgingProgress, JudgingReport, count_failures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from core.records import Document, Query, QueryKind
    from core.store.database import Store
    from labels.judges.judge import JudgeBackend, Ruling


#: A commit is followed by a pause of so many times what it took: at a low rate each judgment is
#: committed at once, at a high one committing takes a tenth of the time at most.
_PAUSE: Final = 9.0
_LONGEST_PAUSE: Final = 0.5


class JudgmentWriter:
    """Commits what ``put`` was given, at once or together with what came during the last commit."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[Judgment] = []
        self._arrived = asyncio.Event()
        self._closing = asyncio.Event()

    def put(self, judgment: Judgment) -> None:
        """Take a judgment; it is on disk within half a second or so."""
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
            pause = min((time.monotonic() - began) * _PAUSE, _LONGEST_PAUSE)
            await self._pause(pause)

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


#: Ids are fetched in large pages, because each looks through all judgments; texts in small ones.
ID_PAGE: Final = 20_000
TEXT_PAGE: Final = 64
_CHOSEN: Final = "FROM db.pairs AS pairs JOIN db.queries AS queries ON queries.id = pairs.query_id"
_OF_KIND: Final = "($1 = '' OR queries.kind = $1)"
_PENDING: Final = (
    f"{_CHOSEN} WHERE {_OF_KIND} AND NOT EXISTS (SELECT 1 FROM db.judgments AS ruled"
    " WHERE ruled.pair_id = pairs.id AND ruled.judge_id = $2"
    " AND (ruled.score IS NOT NULL OR NOT $3))"
    " AND pairs.id NOT IN (SELECT sent.pair_id FROM db.batch_pairs AS sent"
    "  JOIN db.batches AS batch ON batch.id = sent.batch_id"
    "  WHERE batch.judge_id = $2 AND batch.state IN ('preparing', 'waiting'))"
)
_NAMED: Final = " AND pairs.id IN (SELECT unnest(CAST(${number} AS UUID[])))"


@dataclass(frozen=True, slots=True)
class PairChoice:
    """Which pairs a judge is asked about.

    Pairs with a score of this judge are left out; those with a failure too, unless
    ``retry_failed``; those that wait in a batch of this judge always. ``kind`` leaves out queries
    of the other kind and without one, ``pairs`` all pairs but these.
    """

    judge_id: UUID
    kind: QueryKind | None = None
    retry_failed: bool = False
    pairs: tuple[UUID, ...] | None = None

    def named(self, number: int) -> tuple[str, list[object]]:
        """Return the condition on ``pairs``, as the parameter of that number, and its value."""
        if self.pairs is None:
            return "", []
        return _NAMED.format(number=number), [list(self.pairs)]

    @property
    def values(self) -> list[object]:
        """The choice as the parameters $1 to $3 of the statements here."""
        return [self.kind.value if self.kind else "", self.judge_id, self.retry_failed]


@dataclass(frozen=True, slots=True)
class PendingPair:
    """A pair to rule on, with all that a judge reads."""

    pair_id: UUID
    query: Query
    document: Document


def count_pairs(store: Store, choice: PairChoice) -> tuple[int, int]:
    """Return how many pairs are pending, and how many of the chosen ones are not."""
    named, pairs = choice.named(4)
    pending = int(store.read(f"SELECT count(*) {_PENDING}{named}", choice.values + pairs)[0][0])
    named, pairs = choice.named(2)
    chosen = store.read(
        f"SELECT count(*) {_CHOSEN} WHERE {_OF_KIND}{named}", choice.values[:1] + pairs
    )
    return pending, int(chosen[0][0]) - pending


def pending_pages(
    store: Store, choice: PairChoice, limit: int | None = None
) -> Iterator[list[PendingPair]]:
    """Give the pending pairs, a small page at a time, in the order of their ids.

    Ids are hashes, so that the first few pairs are a random sample of them all. What becomes
    pending meanwhile may or may not be met; no pair comes twice.
    """
    left = limit
    last: UUID | None = None
    while left is None or left > 0:
        size = ID_PAGE if left is None else min(left, ID_PAGE)
        page = _id_page(store, choice, last, size)
        if not page:
            return
        last = page[-1][0]
        left = None if left is None else left - len(page)
        for start in range(0, len(page), TEXT_PAGE):
            yield _with_texts(store, page[start : start + TEXT_PAGE])


def _id_page(
    store: Store, choice: PairChoice, last: UUID | None, size: int
) -> list[tuple[UUID, UUID, UUID]]:
    named, pairs = choice.named(6)
    rows = store.read(
        f"SELECT pairs.id, pairs.query_id, pairs.document_id {_PENDING}{named}"
        " AND (CAST($4 AS UUID) IS NULL OR pairs.id > CAST($4 AS UUID))"
        " ORDER BY pairs.id LIMIT $5",
        [*choice.values, last, size, *pairs],
    )
    return [(row[0], row[1], row[2]) for row in rows]


def _with_texts(store: Store, page: list[tuple[UUID, UUID, UUID]]) -> list[PendingPair]:
    queries = queries_by_id(store, list({query for _, query, _ in page}))
    documents = documents_by_id(store, list({document for _, _, document in page}))
    return [
        PendingPair(pair, queries[query], documents[document])
        for pair, query, document in page
        if query in queries and document in documents
    ]


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
        self._judged = self._in_a_row = 0
        self._failures: list[str] = []
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
            len(self._failures),
            self._skipped,
            self._prompt_tokens,
            self._completion_tokens,
            time.monotonic() - self._began,
            cancelled,
            self._backend.notices,
            count_failures(self._failures),
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
        self._failures.append(ruling.failure)
        self._in_a_row += 1
        if self._in_a_row >= self._plan.failures_in_a_row:
            raise JudgeError(
                f"{self._in_a_row} judgments failed in a row, the last one: {ruling.failure}",
                todo="Mend that, then ask for the failed ones too: rejudge judge --retry-failed",
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
