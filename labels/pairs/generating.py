"""Generating queries: a model writes some for documents spread over the files of the corpus."""

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


#: Lengths in characters: shorter documents say too little for a query, longer ones do too much.
SHORTEST: Final = 120
LONGEST: Final = 20_000
_TEST_PATHS: Final = r"(^|/)(tests?|__tests__|fixtures|vendor|third_party|node_modules)/"


@dataclass(frozen=True, slots=True)
class ChosenDocuments:
    """The documents to write queries for, in order, and how many were done before."""

    ids: tuple[UUID, ...]
    done: int


def choose_documents(
    store: Store, limit: int | None, seed: int, *, retry_failed: bool = False
) -> ChosenDocuments:
    """Return the documents to write queries for.

    They are parts of the current corpus of ordinary length, without tests. Files take turns, in an
    order drawn with ``seed``, and each turn takes one of a file's documents at random, so that even
    a few documents come from many files. Documents that were done before are left out without
    changing the order of the others: a stopped run continues where it was.

    Args:
        store: the store.
        limit: how many at most, including those done before.
        seed: of the random order.
        retry_failed: take documents again whose reply could not be read.
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
    order = _in_turns(by_path, seed)[:limit]
    asked = {
        row[0]
        for row in store.read(
            "SELECT DISTINCT document_id FROM db.generations WHERE failure IS NULL OR NOT $1",
            [retry_failed],
        )
    }
    left = tuple(document for document in order if document not in asked)
    return ChosenDocuments(left, len(order) - len(left))


def _in_turns(by_path: dict[str, list[UUID]], seed: int) -> list[UUID]:
    chance = random.Random(seed)  # noqa: S311 - not a secret
    paths = sorted(by_path)
    chance.shuffle(paths)
    files = [by_path[path] for path in paths]
    for documents in files:
        chance.shuffle(documents)
    longest = max(map(len, files), default=0)
    return [file[turn] for turn in range(longest) for file in files if turn < len(file)]


_TICK: Final = 0.1
_PAGE: Final = 64
_FAILURES_SHOWN: Final = 5


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

    Every accepted query is stored with a pair of it and its document; ``mine`` finds candidates
    among the other documents. A document's queries are committed together with the record that it
    was done, so that no document is done twice, however the run ends. It runs its own asyncio loop:
    call it from a worker thread.

    Args:
        store: documents are read from it, queries and pairs are added.
        server: where the model is.
        model: its name there.
        plan: how many queries for how many documents.
        progress: called ten times a second, in the calling thread.
        cancelled: polled ten times a second; once it returns True, calls in flight are dropped.

    Raises:
        JudgeError: the model cannot be reached, or failed too often in a row.
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
    """One run: concurrent writers and the counts."""

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
        """Run to the end; return True if it was cancelled before."""
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
        """Return the counts so far."""
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
            yield from (found[document] for document in page if document in found)

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
        """Store the result for a document in one transaction; return the number of new queries."""
        identifier = event_id()
        taken = [
            Query(query_id(query.text), query.text, QueryKind.SEMANTIC) for query in generated.taken
        ]
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
            for position, query in enumerate(generated.written):
                cursor.execute(
                    "INSERT INTO db.generated_queries VALUES ($1, $2, $3, $4, $5, $6)",
                    [
                        identifier,
                        position,
                        query_id(query.text),
                        query.text,
                        query.overlap,
                        query.refused,
                    ],
                )
        return added

    def _count(self, generated: Generated, added: int) -> None:
        self._done += 1
        self._added += added
        self._prompt_tokens += generated.prompt_tokens
        self._completion_tokens += generated.completion_tokens
        self._refused.update(
            _without_numbers(query.refused)
            for query in generated.written
            if query.refused is not None
        )
        if generated.failure is None:
            self._in_a_row = 0
            return
        self._failed += 1
        self._in_a_row += 1
        if len(self._failures) < _FAILURES_SHOWN:
            self._failures.append(generated.failure)
        if self._in_a_row >= self._plan.failures_in_a_row:
            raise JudgeError(
                f"{self._in_a_row} documents failed in a row, the last one: {generated.failure}",
                todo="Fix that, then run: rejudge pairs generate --retry-failed",
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


def _without_numbers(refused: str) -> str:
    """Return a reason without its numbers, for counting."""
    return "the code's own words" if "the code's own" in refused else refused


def _known_texts(store: Store) -> list[tuple[str, bool]]:
    rows = store.read(
        "SELECT text, id IN (SELECT query_id FROM db.spec_queries) FROM db.queries ORDER BY id"
    )
    return [(text, bool(of_spec)) for text, of_spec in rows]


def generated_queries(store: Store) -> list[Query]:
    """Return the accepted queries that a model wrote, ordered by text."""
    rows = store.read(
        f"SELECT {QUERY_COLUMNS} FROM db.queries WHERE origin = $1 ORDER BY text, id",
        [Origin.GENERATED.value],
    )
    return [query_of_row(row) for row in rows]
