"""Audited pairs as examples for a judge: spread over the grades, one for each query."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from core.documents import documents_by_id
from core.errors import InputError
from core.queries import queries_by_id
from core.records import GRADES
from labels.judge.judge_prompt import Example

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from core.store import Store

MOST_EXAMPLES: Final = 20


def choose_examples(store: Store, count: int, seed: int = 0) -> tuple[Example, ...]:
    """Return audited pairs to show a judge, in the order of their grades.

    They are drawn at random with ``seed``, in turn from each grade, at most one for each query: a
    judge is never shown a pair of the query it judges, and so loses one of them at most. Pairs on
    which people differ and that nobody adjudicated, and flagged ones, are left out.

    Raises:
        InputError: ``count`` is out of range, or there are no audited pairs.
    """
    if not 0 <= count <= MOST_EXAMPLES:
        raise InputError(f"examples: a number from 0 to {MOST_EXAMPLES}")
    if not count:
        return ()
    chosen = _drawn(_audited(store), count, seed)
    if not chosen:
        raise InputError(
            "there are no audited pairs to take examples from",
            where=str(store.folder.parent),
            todo="Grade some first: rejudge, then a.",
        )
    return load_examples(store, [(pair, grade) for pair, _, grade in chosen])


def load_examples(store: Store, graded: Sequence[tuple[UUID, int]]) -> tuple[Example, ...]:
    """Return the examples of these pairs; one whose pair is gone is left out."""
    rows = store.read(
        "SELECT id, query_id, document_id FROM db.pairs"
        " WHERE id IN (SELECT unnest(CAST($1 AS UUID[])))",
        [[pair for pair, _ in graded]],
    )
    places = {pair: (query, document) for pair, query, document in rows}
    queries = queries_by_id(store, [query for query, _ in places.values()])
    documents = documents_by_id(store, [document for _, document in places.values()])
    return tuple(
        Example(pair, queries[places[pair][0]], documents[places[pair][1]], grade)
        for pair, grade in graded
        if pair in places
    )


def _audited(store: Store) -> list[tuple[UUID, UUID, int]]:
    rows = store.read(
        """
        SELECT label.pair_id, any_value(pair.query_id), any_value(label.grade)
        FROM deciding_labels AS label JOIN db.pairs AS pair ON pair.id = label.pair_id
        WHERE label.pair_id NOT IN (SELECT pair_id FROM standing_events WHERE action = 'flag')
        GROUP BY label.pair_id HAVING min(label.grade) = max(label.grade)
        ORDER BY label.pair_id
        """
    )
    return [(pair, query, int(grade)) for pair, query, grade in rows]


def _drawn(
    audited: Sequence[tuple[UUID, UUID, int]], count: int, seed: int
) -> list[tuple[UUID, UUID, int]]:
    chance = random.Random(seed)  # noqa: S311 - a draw, not a secret
    piles = {grade: [one for one in audited if one[2] == grade] for grade in GRADES}
    for pile in piles.values():
        chance.shuffle(pile)
    taken: list[tuple[UUID, UUID, int]] = []
    queries: set[UUID] = set()
    while len(taken) < count and any(piles.values()):
        # The ends of the scale first: they say most about it.
        for grade in (1, 5, 3, 2, 4):
            pile = piles[grade]
            while pile and pile[-1][1] in queries:
                pile.pop()
            if pile and len(taken) < count:
                one = pile.pop()
                taken.append(one)
                queries.add(one[1])
    return sorted(taken, key=lambda one: one[2])
