"""Pairs that no judge has seen, and what one has said of them since."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.records import QueryKind
from tests.building import Scored, add_scored

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core.store.database import Store

#: The text of a query, then a score or a failure.
Said = tuple[str, int | None, str | None]


def add_unjudged(store: Store, rows: Iterable[tuple[str, str, bool]]) -> None:
    """Add a pair of each query, code, and whether that is a keyword query; else a semantic one."""
    add_scored(
        store,
        [
            Scored(query, code, 0, kind=QueryKind.KEYWORD if keyword else QueryKind.SEMANTIC)
            for query, code, keyword in rows
        ],
    )


def rulings(store: Store) -> list[Said]:
    """Return every judgment, in the order in which they were made."""
    return store.read(
        "SELECT queries.text, score, failure FROM db.judgments AS judgments"
        " JOIN db.pairs AS pairs ON pairs.id = judgments.pair_id"
        " JOIN db.queries AS queries ON queries.id = pairs.query_id ORDER BY judgments.id"
    )
