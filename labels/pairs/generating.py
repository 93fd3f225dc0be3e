"""The loop that has a model write queries for documents.

The documents that queries are written for: spread over the files of the corpus.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.errors import JudgeError
from core.ids import event_id, pair_id, prompt_version, query_id, utc_now
from core.records import Origin, Pair, Query, QueryKind
from core.store.tables import (
    QUERY_COLUMNS,
    add_pairs,
    add_queries,
    documents_by_id,
    query_of_row,
)
from labels.pairs.writing import (
    PROMPT,
    Generated,
    GenerationPlan,
    GenerationProgress,
    GenerationReport,
    KnownQueries,
    QueryWriter,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from core.records import Document
    from core.store.database import Store
    from labels.judges.server import Server


#: Shorter documents say too little to be asked for, longer ones do too much for one query.
SHORTEST: Final = 120
LONGEST: Final = 20_000
_TEST_PATHS: Final = r"(^|/)(tests?|__tests__|fixtures|vendor|third_party|node_modules)/"


@dataclass(frozen=True, slots=True)
class ChosenDocuments:
    """The documents to ask about, in order, and how many have been asked about before."""

    ids: tuple[UUID, ...]
    done: int


def choose_documents(
    store: Store, limit: int | None, seed: int, *, retry_failed: bool = False
) -> ChosenDocuments:
    """Return the documents to write queries for.

    They are pieces of the corpus as it stands, of ordinary length and not tests. Files take turns,
    in an order drawn with ``seed``, each giving one of its documents at random; so few documents
    come from many files. Documents that were asked about before come no more, and the order of the
    others does not depend on that: a stopped run goes on where it was.

    Args:
        store: the store.
        limit: how many at most, those asked about before included.
        seed: of the draw.
        retry_failed: ask again about those without a reply that could be read.
    """
    rows = store.read(
        """
        SELECT path, id FROM db.documents
        WHERE in_corpus AND length(text) BETWEEN $1 AND $2
          AND kind IN ('function', 'method', 'class', 'module', 'file', 'snippet')
          AND NOT regexp_matches(path, $3)
        ORDER BY path, id
        """,
        [SHORTEST, LONGEST, _TEST_PATHS],
    )
    by_path: dict[str, list[UUID]] = defaultdict(list)
    for path, identifier in rows:
        by_path[path].append(identifier)
    order = _turns(by_path, seed)[:limit]
    asked = {
        row[0]
        for row in store.read(
            "SELECT DISTINCT document_id FROM db.generations WHERE failure IS NULL OR NOT $1",
            [retry_failed],
        )
    }
    left = tuple(one for one in order if one not in asked)
    return ChosenDocuments(left, len(order) - len(left))


def _turns(by_path: dict[str, list[UUID]], seed: int) -> list[UUID]:
    chance = random.Random(seed)  # noqa: S311 - a draw, not a secret
    paths = sorted(by_path)
    chance.shuffle(paths)
    piles = [by_path[path] for path in paths]
    for pile in piles:
        chance.shuffle(pile)
    deepest = max(map(len, piles), default=0)
    return [pile[turn] for turn in range(deepest) for pile in piles if turn < len(pile)]


_TICK: Final = 0.1
_PAGE: Final = 64
_FAILURES_TOLD: Final = 5


def generate_queries(
    store: Store,
    server: Server,
    model: str,
    plan: GenerationPlan,
    *,
    progress: Callable[[GenerationProgress], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> GenerationReport:
    """Have a model write semantic queries for documents; block until it is done.

    Each query that is taken is added with a pair of it and its document; candidates among the
    other documents are for ``mine`` to find. A document's queries are committed together with the
    note that it was asked about, so that whatever ends the run, no document is asked about twice.
    It runs an asyncio loop of its own: call it from a worker.

    Args:
        store: documents are read from it, queries and pairs are added.
        server: where the model is.
        model: its name there.
        plan: how many queries for how many documents.
        progress: told ten times a second, in the calling thread.
        cancelled: asked ten times a second; calls in flight are dropped then.

    Raises:
        JudgeError: the model cannot be asked, or failed too often in a row.
    """
    return asyncio.run(_generate(store, server, model, plan, progress, cancelled))


async def _generate(
    store: Store,
    server: Server,
    model: str,
    plan: GenerationPlan,
    progress: Callable[[GenerationProgress], None],
    cancelled: Callable[[], bool],
) -> GenerationReport:
    writer = QueryWriter(server, model, plan, KnownQueries(_known_texts(store)))
    run = _Run(store, writer, model, plan)
    try:
        stopped = await run.until_done(progress, cancelled)
        return run.report(cancelled=stopped)
    finally:
        await writer.aclose()


class _Run:
    """One run: so many writers at a time, and the counts."""

    def __init__(self, store: Store, writer: QueryWriter, model: str, plan: GenerationPlan) -> None:
        chosen = choose_documents(store, plan.limit, plan.seed, retry_failed=plan.retry_failed)
        self._store = store
        self._writer = writer
        self._model = model
        self._plan = plan
        self._total = len(chosen.ids)
        self._skipped = chosen.done
        self._documents = self._paged(chosen.ids)
        self._began = time.monotonic()
        self._done = self._failed = self._in_a_row = self._added = 0
        self._prompt_tokens = self._completion_tokens = 0
        self._refused: Counter[str] = Counter()
        self._failures: list[str] = []

    async def until_done(
        self,
        progress: Callable[[GenerationProgress], None],
        cancelled: Callable[[], bool],
    ) -> bool:
        """Run to the end, or until cancelled; return whether it was."""
        tasks = [asyncio.create_task(self._work()) for _ in range(self._plan.concurrency)]
        together = asyncio.gather(*tasks)
        try:
            while not together.done():
                await asyncio.wait(tasks, timeout=_TICK)
                progress(self._progress())
                if any(task.done() and task.exception() for task in tasks):
                    break
                if cancelled():
                    return True
            await together
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return False

    def report(self, *, cancelled: bool) -> GenerationReport:
        """Return what was done."""
        return GenerationReport(
            documents=self._done,
            failed=self._failed,
            skipped=self._skipped,
            added=self._added,
            refused=tuple(self._refused.most_common()),
            prompt_tokens=self._prompt_tokens,
            completion_tokens=self._completion_tokens,
            seconds=time.monotonic() - self._began,
            failures=tuple(self._failures),
            cancelled=cancelled,
            notices=self._writer.notices,
        )

    def _paged(self, ids: tuple[UUID, ...]) -> Iterator[Document]:
        for start in range(0, len(ids), _PAGE):
            page = ids[start : start + _PAGE]
            found = documents_by_id(self._store, page)
            yield from (found[one] for one in page if one in found)

    async def _work(self) -> None:
        for document in self._documents:
            began = time.monotonic()
            generated = await self._writer.write(document)
            seconds = time.monotonic() - began
            added = await asyncio.shield(
                asyncio.to_thread(self._commit, document, generated, seconds)
            )
            self._count(generated, added)

    def _commit(self, document: Document, generated: Generated, seconds: float) -> int:
        """Write what came of a document in one transaction; return how many queries are new."""
        identifier = event_id()
        taken = [Query(query_id(one.text), one.text, QueryKind.SEMANTIC) for one in generated.taken]
        pairs = [
            Pair(pair_id(query.id, document.id), query.id, document.id, Origin.GENERATED)
            for query in taken
        ]
        with self._store.transaction() as cursor:
            added = add_queries(cursor, taken, Origin.GENERATED)
            add_pairs(cursor, pairs)
            cursor.execute(
                "INSERT INTO db.generations VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                [
                    identifier,
                    document.id,
                    self._model,
                    prompt_version(PROMPT),
                    utc_now(),
                    generated.failure,
                    generated.prompt_tokens,
                    generated.completion_tokens,
                    seconds,
                ],
            )
            for position, one in enumerate(generated.written):
                cursor.execute(
                    "INSERT INTO db.generated_queries VALUES ($1, $2, $3, $4, $5, $6)",
                    [identifier, position, query_id(one.text), one.text, one.overlap, one.refused],
                )
        return added

    def _count(self, generated: Generated, added: int) -> None:
        self._done += 1
        self._added += added
        self._prompt_tokens += generated.prompt_tokens
        self._completion_tokens += generated.completion_tokens
        self._refused.update(
            _sort_of(one.refused) for one in generated.written if one.refused is not None
        )
        if generated.failure is None:
            self._in_a_row = 0
            return
        self._failed += 1
        self._in_a_row += 1
        if len(self._failures) < _FAILURES_TOLD:
            self._failures.append(generated.failure)
        if self._in_a_row >= self._plan.failures_in_a_row:
            raise JudgeError(
                f"{self._in_a_row} documents failed in a row, the last one: {generated.failure}",
                todo="Mend that, then ask again: rejudge pairs generate --retry-failed",
            )

    def _progress(self) -> GenerationProgress:
        passed = time.monotonic() - self._began
        return GenerationProgress(
            self._done,
            self._total,
            self._added,
            self._failed,
            self._prompt_tokens + self._completion_tokens,
            self._done / passed if passed > 0 else 0.0,
        )


def _sort_of(refused: str) -> str:
    """Return a reason without its numbers, to be counted."""
    return "the code's own words" if "the code's own" in refused else refused


def _known_texts(store: Store) -> list[tuple[str, bool]]:
    rows = store.read(
        "SELECT text, id IN (SELECT query_id FROM db.spec_queries) FROM db.queries ORDER BY id"
    )
    return [(text, bool(of_spec)) for text, of_spec in rows]


def generated_queries(store: Store) -> list[Query]:
    """Return the queries that a model wrote and that were taken, by text."""
    rows = store.read(
        f"SELECT {QUERY_COLUMNS} FROM db.queries WHERE origin = $1 ORDER BY text, id",
        [Origin.GENERATED.value],
    )
    return [query_of_row(row) for row in rows]
