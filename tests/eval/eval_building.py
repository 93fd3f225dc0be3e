"""Small corpora, specs and retrievers for the tests of evals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.ids import content_id, document_id, query_id
from core.records import Document, DocumentKind, Origin, Query, QueryKind, Spec, SpecQuery
from core.store.tables import add_documents, add_queries
from eval.retrievers.base import Found

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from core.store.database import Store
    from eval.retrievers.base import Parameters, Ranking

FILES = {
    "src/watcher.rs": "fn notify() { poll changes on disk }",
    "src/file_watcher.rs": "struct FileWatcher;",
    "src/server.rs": "fn listen(socket: Socket) {}",
    "src/project.rs": "fn find_root(path: &Path) {}",
    "lib/project.rs": "pub mod project;",
}


def add_corpus(store: Store, files: Mapping[str, str]) -> None:
    """Add one document for each file."""
    with store.transaction() as cursor:
        add_documents(
            cursor,
            [
                Document(
                    document_id(path, "", text), path, "", DocumentKind.FILE, "rust", 1, 1, text
                )
                for path, text in files.items()
            ],
            in_corpus=True,
        )


def asked(
    text: str,
    *relevant: str | tuple[str, int | None],
    kind: QueryKind | None = QueryKind.SEMANTIC,
    key: str = "",
) -> SpecQuery:
    """Return a query of a spec; a bare path has no grade."""
    graded = tuple((each, None) if isinstance(each, str) else each for each in relevant)
    return SpecQuery(Query(query_id(text), text, kind), key or text[:8], graded)


def add_spec(store: Store, *queries: SpecQuery, name: str = "spec") -> Spec:
    """Return a spec whose queries are in the store."""
    with store.transaction() as cursor:
        add_queries(cursor, [each.query for each in queries], Origin.SPEC)
    return Spec(content_id(name, *(each.query.text for each in queries)), name, "crates", queries)


@dataclass
class FixedRetriever:
    """Gives the paths that a test wants for each query text."""

    results: Mapping[str, Sequence[str]]
    name: str = "fixed"
    checkpoint: str = ""
    notices: tuple[str, ...] = ()

    @property
    def parameters(self) -> Parameters:
        return {"of": "tests"}

    def rank(self, queries: Sequence[SpecQuery], depth: int) -> Iterator[Ranking]:
        for each in queries:
            paths = self.results.get(each.query.text, ())[:depth]
            yield tuple(Found(path, 1 / rank) for rank, path in enumerate(paths, start=1))
