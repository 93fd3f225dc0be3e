"""Candidate pairs: for each query the documents that a judge and a person should look at.

Pairs that a miss is made of: what should have been found, and what was found instead.

The documents behind the paths that a spec names.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from core.ids import pair_id
from core.records import Origin, Pair, Progress
from core.store.tables import add_pairs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from uuid import UUID

    from core.records import Query
    from core.store.database import Store


@dataclass(frozen=True, slots=True)
class MissPairs:
    """The pairs of a miss. ``ids`` has all of them in order, ``added`` counts the new ones."""

    ids: tuple[UUID, ...]
    added: int


def add_miss_pairs(store: Store, query: UUID, documents: Iterable[UUID]) -> MissPairs:
    """Pair a query with documents, so that the pairs can be audited, judged and trained on.

    A pair that is there already keeps its origin and all that was said of it.

    Args:
        store: gets the pairs; the query and the documents are in it.
        query: the query that was missed.
        documents: what should have been found and what stands above it; a second one is dropped.
    """
    pairs = [
        Pair(pair_id(query, document), query, document, Origin.MISS)
        for document in dict.fromkeys(documents)
    ]
    with store.transaction() as cursor:
        added = add_pairs(cursor, pairs)
    return MissPairs(tuple(pair.id for pair in pairs), added)


#: A path's documents, the one that stands for the whole file first.
_ORDER: Final = (
    "CASE documents.kind WHEN 'module' THEN 0 WHEN 'file' THEN 1 WHEN 'class' THEN 2 ELSE 3 END,"
    " documents.start_line, documents.id"
)


@dataclass(frozen=True, slots=True)
class RelevantPath:
    """A path that should be found for a query: a whole path of the corpus, or the end of one."""

    query_id: UUID
    path: str


@dataclass(frozen=True, slots=True)
class PathDocuments:
    """For each query the documents of its relevant paths, one sequence for each corpus path.

    ``not_found`` holds what no path of the corpus equals or ends with.
    """

    by_query: Mapping[UUID, Sequence[Sequence[UUID]]]
    not_found: tuple[RelevantPath, ...]


def relevant_paths(store: Store, *, spec_name: str = "") -> list[RelevantPath]:
    """Return the relevant paths of the spec with this name, or of all specs."""
    rows = store.read(
        "SELECT DISTINCT relevant.query_id, relevant.path FROM db.spec_relevant AS relevant"
        " JOIN db.specs AS specs ON specs.id = relevant.spec_id"
        " WHERE $1 = '' OR specs.name = $1 ORDER BY relevant.query_id, relevant.path",
        [spec_name],
    )
    return [RelevantPath(query, path) for query, path in rows]


def documents_of_paths(store: Store, relevant: Iterable[RelevantPath]) -> PathDocuments:
    """Return the corpus documents of relevant paths.

    A path of the corpus is meant when it equals the given one or ends with it at a path boundary:
    ``watcher.rs`` means ``src/watcher.rs``, not ``file_watcher.rs``.
    """
    wanted = list(relevant)
    corpus_paths = _corpus_paths(store, {one.path for one in wanted})
    documents = _documents(store, {path for paths in corpus_paths.values() for path in paths})
    by_query: dict[UUID, list[Sequence[UUID]]] = defaultdict(list)
    for one in wanted:
        by_query[one.query_id] += [documents[path] for path in corpus_paths.get(one.path, ())]
    missing = tuple(one for one in wanted if one.path not in corpus_paths)
    return PathDocuments(by_query, missing)


def _corpus_paths(store: Store, given: set[str]) -> dict[str, list[str]]:
    if not given:
        return {}
    rows = store.read(
        "SELECT given.path, known.path"
        " FROM (SELECT unnest(CAST($1 AS VARCHAR[])) AS path) AS given"
        " JOIN (SELECT DISTINCT path FROM db.documents WHERE in_corpus) AS known"
        " ON known.path = given.path OR ends_with(known.path, '/' || given.path)"
        " ORDER BY given.path, known.path",
        [sorted(given)],
    )
    found: dict[str, list[str]] = defaultdict(list)
    for path, known in rows:
        found[path].append(known)
    return dict(found)


def _documents(store: Store, paths: set[str]) -> dict[str, list[UUID]]:
    if not paths:
        return {}
    rows = store.read(
        "SELECT path, id FROM db.documents AS documents"
        " WHERE in_corpus AND path IN (SELECT unnest(CAST($1 AS VARCHAR[])))"
        f" ORDER BY path, {_ORDER}",
        [sorted(paths)],
    )
    found: dict[str, list[UUID]] = defaultdict(list)
    for path, identifier in rows:
        found[path].append(identifier)
    return found


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
