"""Candidate pairs: for each query the documents that a judge and a person should look at."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from core.identity import pair_id
from core.records import Origin, Pair, Progress
from labels.pairs import add_pairs
from labels.relevant_documents import RelevantPath, documents_of_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from uuid import UUID

    from core.records import Query
    from core.store import Store

#: Sampling draws from this many ranks below the top ones.
SAMPLED_RANKS: Final = 100
DOCUMENTS_OF_A_PATH: Final = 3
_BATCH: Final = 100


class CandidateRetriever(Protocol):
    """Ranks the documents of the corpus for a query: BM25, an encoder."""

    @property
    def origin(self) -> Origin:
        """What the pairs that it finds are marked with."""

    def rank(self, query_text: str, top: int) -> Sequence[tuple[UUID, float]]:
        """Return at most ``top`` documents with their scores, best first, ties always alike."""

    def rank_among(
        self, query_text: str, documents: Sequence[UUID], top: int
    ) -> Sequence[tuple[UUID, float]]:
        """Return at most ``top`` of these documents, as ``rank`` does of all."""


@dataclass(frozen=True, slots=True)
class MiningPlan:
    """What to take for each query.

    ``top`` documents of the ranking; ``per_path`` documents of each relevant path; ``sample``
    documents drawn at random from the ``SAMPLED_RANKS`` ranks below the top, with ``seed``.
    """

    top: int = 10
    per_path: int = DOCUMENTS_OF_A_PATH
    sample: int = 0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class MiningReport:
    """What mining did. ``found`` counts candidates, ``added`` those that were no pair before.

    ``not_found`` holds the relevant paths that no document of the corpus has, each with its query.
    """

    queries: int
    found: int
    added: int
    not_found: tuple[tuple[str, str], ...]
    cancelled: bool = False


def mine(
    store: Store,
    retriever: CandidateRetriever,
    queries: Sequence[Query],
    plan: MiningPlan,
    *,
    relevant: Sequence[RelevantPath] = (),
    progress: Callable[[Progress], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> MiningReport:
    """Add the candidate pairs of the queries; doing it again adds nothing.

    Pairs are committed by the hundred queries, so that a stopped run keeps what it found.

    Args:
        store: gets the pairs.
        retriever: ranks the documents of the corpus.
        queries: whose candidates are wanted.
        plan: how many of each sort.
        relevant: the paths that a spec names; those of other queries are passed over.
        progress: told after each batch, in queries.
        cancelled: asked before each batch.
    """
    documents = documents_of_paths(store, relevant)
    found = added = done = 0
    for batch in _batches(queries):
        if cancelled():
            break
        pairs = [
            pair
            for query in batch
            for pair in candidates(query, retriever, plan, documents.by_query.get(query.id, ()))
        ]
        with store.transaction() as cursor:
            added += add_pairs(cursor, pairs)
        found += len(pairs)
        done += len(batch)
        progress(Progress(done, len(queries), "queries"))
    texts = {query.id: query.text for query in queries}
    not_found = tuple(
        (texts[one.query_id], one.path) for one in documents.not_found if one.query_id in texts
    )
    return MiningReport(done, found, added, not_found, cancelled=done < len(queries))


def candidates(
    query: Query,
    retriever: CandidateRetriever,
    plan: MiningPlan,
    relevant: Sequence[Sequence[UUID]] = (),
) -> list[Pair]:
    """Return a query's candidate pairs: the relevant ones, then the top, then the sample.

    Args:
        query: the query.
        retriever: ranks the documents.
        plan: how many of each sort.
        relevant: for each relevant path its documents, the one to fall back to first.
    """
    taken: dict[UUID, Pair] = {}

    def take(document: UUID, origin: Origin, probability: float | None = None) -> None:
        identifier = pair_id(query.id, document)
        pair = Pair(identifier, query.id, document, origin, probability)
        taken.setdefault(document, pair)

    for documents in relevant:
        best = retriever.rank_among(query.text, documents, plan.per_path)
        for document, _ in best or [(documents[0], 0.0)]:
            take(document, Origin.RELEVANT)
    depth = plan.top + (SAMPLED_RANKS if plan.sample else 0)
    ranked = [document for document, _ in retriever.rank(query.text, depth)]
    for document in ranked[: plan.top]:
        take(document, retriever.origin)
    pool = [document for document in ranked[plan.top :] if document not in taken]
    if plan.sample and pool:
        size = min(plan.sample, len(pool))
        chance = random.Random(f"{plan.seed} {query.id}")  # noqa: S311 - a draw, not a secret
        for document in chance.sample(pool, size):
            take(document, retriever.origin, size / len(pool))
    return list(taken.values())


def _batches(queries: Sequence[Query]) -> Iterator[Sequence[Query]]:
    for start in range(0, len(queries), _BATCH):
        yield queries[start : start + _BATCH]
