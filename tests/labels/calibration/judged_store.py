"""A store of judged pairs, built in one go, and labels on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.ids import document_id, event_id, pair_id, query_id, utc_now
from core.records import Document, DocumentKind, Judgment, Origin, Pair, Query, QueryKind
from core.store.tables import add_documents, add_judge, add_judgments, add_pairs, add_queries
from tests.building import named_judge

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from core.store.database import Store


def add_judged(
    store: Store, scores: Sequence[int], *, judge: str = "gpt", per_query: int = 4, start: int = 0
) -> list[UUID]:
    """Add a pair for each score and return their ids; the same place is always the same pair.

    ``start`` is the place of the first.
    """
    ruler = named_judge(judge)
    queries, documents, pairs = [], [], []
    for number in range(start, start + len(scores)):
        text, code = f"query {number // per_query}", f"def f{number}(): ..."
        query = Query(query_id(text), text, QueryKind.SEMANTIC)
        document = Document(
            id=document_id("a.py", f"f{number}", code),
            path="a.py",
            symbol=f"f{number}",
            kind=DocumentKind.FUNCTION,
            language="python",
            start_line=1,
            end_line=1,
            text=code,
        )
        queries.append(query)
        documents.append(document)
        pairs.append(Pair(pair_id(query.id, document.id), query.id, document.id, Origin.IMPORT))
    with store.transaction() as cursor:
        add_judge(cursor, ruler)
        add_queries(cursor, queries, Origin.IMPORT)
        add_documents(cursor, documents, in_corpus=True)
        add_pairs(cursor, pairs)
        add_judgments(
            cursor,
            [
                Judgment(event_id(), pair.id, ruler.id, utc_now(), int(score))
                for pair, score in zip(pairs, scores, strict=True)
            ],
        )
    return [pair.id for pair in pairs]
