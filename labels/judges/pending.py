"""The pairs that a judge has not ruled on, in pages that fit in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.store.tables import documents_by_id, queries_by_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from core.records import Document, Query, QueryKind
    from core.store.database import Store

#: Ids come in large pages, because each page searches all judgments; texts in small ones.
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
    """The pairs to judge.

    Left out are pairs that the judge scored, pairs on which it failed (unless ``retry_failed``),
    and pairs that wait in one of its batches. ``kind`` keeps queries of this kind only, ``pairs``
    these pairs only.
    """

    judge_id: UUID
    kind: QueryKind | None = None
    retry_failed: bool = False
    pairs: tuple[UUID, ...] | None = None


@dataclass(frozen=True, slots=True)
class PendingPair:
    """A pair to rule on, with the texts that a judge reads."""

    pair_id: UUID
    query: Query
    document: Document


def count_pairs(store: Store, choice: PairChoice) -> tuple[int, int]:
    """Return how many of the chosen pairs are pending, and how many are not."""
    named, pairs = _named(choice, 4)
    pending = int(store.read(f"SELECT count(*) {_PENDING}{named}", _values(choice) + pairs)[0][0])
    named, pairs = _named(choice, 2)
    chosen = store.read(
        f"SELECT count(*) {_CHOSEN} WHERE {_OF_KIND}{named}", _values(choice)[:1] + pairs
    )
    return pending, int(chosen[0][0]) - pending


def pending_pages(
    store: Store, choice: PairChoice, limit: int | None = None
) -> Iterator[list[PendingPair]]:
    """Yield the pending pairs in small pages, in the order of their ids.

    Ids are hashes, so the first pairs are a random sample. Pairs that become pending meanwhile may
    or may not be included; no pair comes twice.
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


def _values(choice: PairChoice) -> list[object]:
    """Return the parameters $1 to $3 of the statements here."""
    return [choice.kind.value if choice.kind else "", choice.judge_id, choice.retry_failed]


def _named(choice: PairChoice, number: int) -> tuple[str, list[object]]:
    """Return the condition that keeps the named pairs, and the value of parameter ``number``."""
    if choice.pairs is None:
        return "", []
    return _NAMED.format(number=number), [list(choice.pairs)]


def _id_page(
    store: Store, choice: PairChoice, last: UUID | None, size: int
) -> list[tuple[UUID, UUID, UUID]]:
    named, pairs = _named(choice, 6)
    rows = store.read(
        f"SELECT pairs.id, pairs.query_id, pairs.document_id {_PENDING}{named}"
        " AND (CAST($4 AS UUID) IS NULL OR pairs.id > CAST($4 AS UUID))"
        " ORDER BY pairs.id LIMIT $5",
        [*_values(choice), last, size, *pairs],
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
