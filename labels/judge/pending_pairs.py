"""The pairs that a judge has not ruled on, in pages that fit in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.documents import documents_by_id
from core.queries import queries_by_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from core.records import Document, Query, QueryKind
    from core.store import Store

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
