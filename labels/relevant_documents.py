"""The documents behind the paths that a spec names."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

    from core.store import Store

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
