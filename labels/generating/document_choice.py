"""The documents that queries are written for: spread over the files of the corpus."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from uuid import UUID

    from core.store import Store

#: Shorter documents say too little to be asked for, longer ones do too much for one query.
SHORTEST: Final = 120
LONGEST: Final = 20_000
_TEST_PATHS: Final = r"(^|/)(tests?|__tests__|fixtures|vendor|third_party|node_modules)/"


@dataclass(frozen=True, slots=True)
class ChosenDocuments:
    """The documents to ask about, in order, and how many have been asked about before."""

    ids: tuple[UUID, ...]
    done: int


def choose_documents(
    store: Store, limit: int | None, seed: int, *, retry_failed: bool = False
) -> ChosenDocuments:
    """Return the documents to write queries for.

    They are pieces of the corpus as it stands, of ordinary length and not tests. Files take turns,
    in an order drawn with ``seed``, each giving one of its documents at random; so few documents
    come from many files. Documents that were asked about before come no more, and the order of the
    others does not depend on that: a stopped run goes on where it was.

    Args:
        store: the store.
        limit: how many at most, those asked about before included.
        seed: of the draw.
        retry_failed: ask again about those without a reply that could be read.
    """
    rows = store.read(
        """
        SELECT path, id FROM db.documents
        WHERE in_corpus AND length(text) BETWEEN $1 AND $2
          AND kind IN ('function', 'method', 'class', 'module', 'file', 'snippet')
          AND NOT regexp_matches(path, $3)
        ORDER BY path, id
        """,
        [SHORTEST, LONGEST, _TEST_PATHS],
    )
    by_path: dict[str, list[UUID]] = defaultdict(list)
    for path, identifier in rows:
        by_path[path].append(identifier)
    order = _turns(by_path, seed)[:limit]
    asked = {
        row[0]
        for row in store.read(
            "SELECT DISTINCT document_id FROM db.generations WHERE failure IS NULL OR NOT $1",
            [retry_failed],
        )
    }
    left = tuple(one for one in order if one not in asked)
    return ChosenDocuments(left, len(order) - len(left))


def _turns(by_path: dict[str, list[UUID]], seed: int) -> list[UUID]:
    chance = random.Random(seed)  # noqa: S311 - a draw, not a secret
    paths = sorted(by_path)
    chance.shuffle(paths)
    piles = [by_path[path] for path in paths]
    for pile in piles:
        chance.shuffle(pile)
    deepest = max(map(len, piles), default=0)
    return [pile[turn] for turn in range(deepest) for pile in piles if turn < len(pile)]
