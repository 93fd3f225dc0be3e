"""Pairs that a miss is made of: what should have been found, and what was found instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.identity import pair_id
from core.records import Origin, Pair
from labels.pairs import add_pairs

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from core.store import Store


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
