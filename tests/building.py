"""Small workspaces for tests, made through the same functions that the program uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.ids import document_id, event_id, pair_id, query_id, utc_now
from core.records import (
    Document,
    DocumentKind,
    Judge,
    JudgeKind,
    Judgment,
    Origin,
    Pair,
    Query,
    QueryKind,
)
from core.store.tables import (
    add_documents,
    add_judge,
    add_judgments,
    add_pairs,
    add_queries,
    make_judge,
)
from core.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from core.store.database import Store


@dataclass(frozen=True)
class Scored:
    """One pair to build. A score of None is a failed judgment, 0 no judgment at all."""

    query: str
    code: str
    score: int | None = 3
    path: str = "a.py"
    symbol: str = "f"
    language: str = "python"
    kind: QueryKind | None = QueryKind.SEMANTIC
    rationale: str = "because"

    @property
    def pair_id(self) -> str:
        return str(pair_id(query_id(self.query), document_id(self.path, self.symbol, self.code)))


def new_workspace(folder: Path) -> Workspace:
    """Make a workspace in ``folder``."""
    workspace = Workspace(folder)
    workspace.create()
    return workspace


def named_judge(name: str = "gpt") -> Judge:
    """Return an imported judge."""
    return make_judge(name, JudgeKind.IMPORTED)


def add_scored(store: Store, rows: Iterable[Scored], judge: Judge | None = None) -> None:
    """Add pairs with one judge's rulings to a store."""
    judge = judge or named_judge()
    queries, documents, pairs, judgments = [], [], [], []
    for row in rows:
        query = Query(query_id(row.query), row.query, row.kind)
        document = Document(
            document_id(row.path, row.symbol, row.code),
            row.path,
            row.symbol,
            DocumentKind.FUNCTION,
            row.language,
            1,
            row.code.count("\n") + 1,
            row.code,
        )
        pair = Pair(pair_id(query.id, document.id), query.id, document.id, Origin.IMPORT)
        queries.append(query)
        documents.append(document)
        pairs.append(pair)
        if row.score != 0:
            judgments.append(_judgment(row, pair, judge))
    with store.transaction() as cursor:
        add_judge(cursor, judge)
        add_queries(cursor, queries, Origin.IMPORT)
        add_documents(cursor, documents, in_corpus=True)
        add_pairs(cursor, pairs)
        add_judgments(cursor, judgments)


def _judgment(row: Scored, pair: Pair, judge: Judge) -> Judgment:
    return Judgment(
        event_id(),
        pair.id,
        judge.id,
        utc_now(),
        row.score,
        "parse_error" if row.score is None else None,
        rationale=row.rationale,
    )


def numbered(count: int, *, scores: tuple[int, ...] = (1, 2, 3, 4, 5)) -> list[Scored]:
    """Return ``count`` different pairs, their scores going round."""
    return [
        Scored(
            f"query number {number}",
            f"def f{number}():\n    return {number}\n",
            scores[number % len(scores)],
            path=f"pkg/m{number % 7}.py",
            symbol=f"f{number}",
        )
        for number in range(count)
    ]
