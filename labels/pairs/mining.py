"""Mining of candidate pairs: for each query, documents for judges and people to grade.

Candidates are the documents of a spec's paths, the top of a ranking, and a sample below it; for a
miss, what should have been found and what was found instead.
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


#: A sample is drawn from this many ranks below the top.
SAMPLED_RANKS: Final = 100
DOCUMENTS_OF_A_PATH: Final = 3
_BATCH: Final = 100
#: The order of a path's documents: the one for the whole file first.
_ORDER: Final = (
    "CASE documents.kind WHEN 'module' THEN 0 WHEN 'file' THEN 1 WHEN 'class' THEN 2 ELSE 3 END,"
    " documents.start_line, documents.id"
)


class CandidateRetriever(Protocol):
    """Ranks the documents of the corpus for a query, by BM25 or an encoder."""

    @property
    def origin(self) -> Origin:
        """The origin of the pairs that it finds."""

    def rank(self, query_text: str, top: int) -> Sequence[tuple[UUID, float]]:
        """Return at most ``top`` documents with their scores, best first, ties in a fixed order."""

    def rank_among(
        self, query_text: str, documents: Sequence[UUID], top: int
    ) -> Sequence[tuple[UUID, float]]:
        """Rank only these documents."""


@dataclass(frozen=True, slots=True)
class MiningPlan:
    """Which candidates to add for each query.

    ``top`` documents of the ranking, ``per_path`` documents of each relevant path, and ``sample``
    documents drawn with ``seed`` from the ``SAMPLED_RANKS`` ranks below the top.
    """

    top: int = 10
    per_path: int = DOCUMENTS_OF_A_PATH
    sample: int = 0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class MiningReport:
    """What mining did. ``found`` counts candidates, ``added`` those that are new pairs.

    ``not_found`` has the query and the path of each relevant path that the corpus lacks.
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
    """Add the candidate pairs of the queries; mining again adds nothing.

    Pairs are committed every hundred queries, so that a stopped run keeps what it found.

    Args:
        store: gets the pairs.
        retriever: ranks the documents of the corpus.
        queries: the queries to find candidates for.
        plan: how many candidates of each kind.
        relevant: the relevant paths of a spec; paths of other queries are ignored.
        progress: called after each batch, in queries.
        cancelled: polled before each batch.
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
        (texts[missing.query_id], missing.path)
        for missing in documents.not_found
        if missing.query_id in texts
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
        plan: how many candidates of each kind.
        relevant: the documents of each relevant path, the one to fall back on first.
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
        chance = random.Random(f"{plan.seed} {query.id}")  # noqa: S311 - not a secret
        for document in chance.sample(pool, size):
            take(document, retriever.origin, size / len(pool))
    return list(taken.values())


def _batches(queries: Sequence[Query]) -> Iterator[Sequence[Query]]:
    for start in range(0, len(queries), _BATCH):
        yield queries[start : start + _BATCH]


@dataclass(frozen=True, slots=True)
class RelevantPath:
    """A path that should be found for a query: a path of the corpus, or the end of one."""

    query_id: UUID
    path: str


@dataclass(frozen=True, slots=True)
class PathDocuments:
    """The documents of each query's relevant paths, one sequence for each corpus path.

    ``not_found`` has the relevant paths that match no path of the corpus.
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

    A path matches a corpus path that equals it or ends with it after a slash: ``watcher.rs``
    matches ``src/watcher.rs``, not ``file_watcher.rs``.
    """
    wanted = list(relevant)
    corpus_paths = _corpus_paths(store, {path.path for path in wanted})
    documents = _documents(store, {path for paths in corpus_paths.values() for path in paths})
    by_query: dict[UUID, list[Sequence[UUID]]] = defaultdict(list)
    for path in wanted:
        by_query[path.query_id] += [documents[full] for full in corpus_paths.get(path.path, ())]
    missing = tuple(path for path in wanted if path.path not in corpus_paths)
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


@dataclass(frozen=True, slots=True)
class MissPairs:
    """The pairs of a miss: ``ids`` of all in order, ``added`` the number of new ones."""

    ids: tuple[UUID, ...]
    added: int


def add_miss_pairs(store: Store, query: UUID, documents: Iterable[UUID]) -> MissPairs:
    """Pair a missed query with documents, so that the pairs can be judged, audited and trained on.

    An existing pair keeps its origin, judgments and labels.

    Args:
        store: gets the pairs; the query and the documents are in it.
        query: the missed query.
        documents: what should have been found and what ranked above it; duplicates are ignored.
    """
    pairs = [
        Pair(pair_id(query, document), query, document, Origin.MISS)
        for document in dict.fromkeys(documents)
    ]
    with store.transaction() as cursor:
        added = add_pairs(cursor, pairs)
    return MissPairs(tuple(pair.id for pair in pairs), added)
