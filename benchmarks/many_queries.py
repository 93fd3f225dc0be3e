"""A workspace with one eval of many queries, each of them a miss: the longest list there is."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.ids import content_id, document_id, query_id
from core.jobs import Job
from core.records import Document, DocumentKind, Origin, Query, QueryKind, Spec, SpecQuery
from core.store.opening import open_store
from core.store.tables import add_documents, add_queries
from core.workspace import Workspace
from eval.corpus import load_corpus
from eval.evaluating import evaluate
from eval.retrievers.base import Found
from eval.specs import add_spec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eval.retrievers.base import Parameters, Ranking

FILES: Final = 400
DEPTH: Final = 20


class NeverRight:
    """A retriever that puts other files than the wanted one on top."""

    name: Final = "never right"
    checkpoint: Final = ""
    notices: Final[tuple[str, ...]] = ()
    parameters: Final[Parameters] = {"of": "benchmarks"}

    def rank(self, queries: Sequence[SpecQuery], depth: int) -> Iterator[Ranking]:
        """Yield the files after the wanted one."""
        for number, _ in enumerate(queries):
            places = [(number + step) % FILES for step in range(1, min(DEPTH, depth) + 1)]
            yield tuple(
                Found(path(each), 1 / rank, _document(each).id)
                for rank, each in enumerate(places, start=1)
            )


@contextmanager
def workspace_with_queries(queries: int) -> Iterator[Workspace]:
    """Give a workspace with an eval of that many queries; without any, one without an eval."""
    with tempfile.TemporaryDirectory(prefix="rejudge-bench-") as name:
        workspace = Workspace(Path(name))
        workspace.create()
        with open_store(workspace.folder) as store:
            with store.transaction() as cursor:
                add_documents(cursor, [_document(each) for each in range(FILES)], in_corpus=True)
            if queries:
                spec = _spec(queries)
                with store.transaction() as cursor:
                    add_queries(cursor, [each.query for each in spec.queries], Origin.SPEC)
                add_spec(store, spec)
                evaluate(store, spec, load_corpus(store), NeverRight(), Job())
        yield workspace


def path(number: int) -> str:
    """Return the path of a file."""
    return f"crates/part_{number % 20}/src/file_{number}.rs"


def question(number: int) -> str:
    """Return the text of a query."""
    return f"question {number}: where does the buffer of part {number % 20} go to the disk"


@cache
def _document(number: int) -> Document:
    code = "".join(
        f"    let buffer_{line} = self.flush_{number}({line}, &socket)?;\n" for line in range(40)
    )
    text = f"pub fn file_{number}_begins() -> Result<(), Error> {{\n{code}    Ok(())\n}}\n"
    identifier = document_id(path(number), "", text)
    return Document(identifier, path(number), "", DocumentKind.FILE, "rust", 1, 43, text)


def _spec(queries: int) -> Spec:
    asked = tuple(
        SpecQuery(
            Query(query_id(question(each)), question(each), QueryKind.SEMANTIC),
            f"q-{each}",
            ((path(each % FILES), None),),
        )
        for each in range(queries)
    )
    return Spec(content_id("many queries", str(queries)), "many", "crates", asked)
