"""Which queries are trained on, which are held out, and which specs keep out of both."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.records import QueryKind
from core.search import NearDuplicates, query_text
from train.dataset.records import Leak, LeakRule, Split, TrainingQuery
from train.dataset.summary import Dropped, LeftOutReason

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from duckdb import DuckDBPyConnection

    from core.jobs import Job
    from core.search import QueryText
    from train.dataset.records import TrainingSetPlan


class SpecGuard:
    """Finds queries that are, or give away, a query of a spec.

    Args:
        specs: each query's text, and the text that it was reworded from, if it was.
        threshold: Jaccard similarity of word sets that makes a near-duplicate.
    """

    def __init__(self, specs: Sequence[tuple[str, str | None]], threshold: float) -> None:
        asked = {text: text for text, _ in specs}
        originals = {original: text for text, original in specs if original}
        self._own = len(asked)
        self._shown = [*asked.values(), *originals.values()]
        self._index = NearDuplicates([query_text(text) for text in (*asked, *originals)], threshold)

    def leak(self, text: str, variation_of: str | None = None) -> Leak | None:
        """Return why a query may not be trained on; None if it may.

        Args:
            text: the query.
            variation_of: the text that it was reworded from.
        """
        if not len(self._index):
            return None
        found = self._index.find(query_text(text))
        if found is not None:
            rule = LeakRule.NEAR_DUPLICATE
            if found.place >= self._own:
                rule = LeakRule.VARIATION
            elif found.same_text:
                rule = LeakRule.SAME_TEXT
            elif found.similarity == 1:
                rule = LeakRule.SAME_WORDS
            return Leak(rule, text, self._shown[found.place])
        if variation_of:
            origin = self._index.find(query_text(variation_of))
            if origin is not None:
                return Leak(LeakRule.VARIATION, text, self._shown[origin.place])
        return None


def spec_guard(cursor: DuckDBPyConnection, threshold: float) -> SpecGuard:
    """Return the guard of all specs in the store."""
    rows = cursor.execute(
        "SELECT DISTINCT text, variation_of FROM db.queries"
        " WHERE id IN (SELECT query_id FROM db.spec_queries) ORDER BY text"
    ).fetchall()
    return SpecGuard(rows, threshold)


#: Jaccard similarity of word sets. Higher than for specs: at 0.5 a large set would mostly end up
#: on the held-out side.
NEARLY_THE_SAME: Final = 0.8


@dataclass(frozen=True, slots=True)
class AskedQuery:
    """A query's text and the text that it was reworded from, if it was."""

    text: str
    variation_of: str | None = None


def held_out(queries: Sequence[AskedQuery], share: float, seed: int) -> list[bool]:
    """Return for every query whether it is held out.

    A hash of its words and the seed decides, so that more labels never move a query to the other
    side. A variation goes where its original goes. A query nearly the same as a held-out query is
    held out too: training on it would give the other away.

    Args:
        queries: the queries.
        share: of the queries to hold out, roughly, 0 to 1.
        seed: decides which.
    """
    texts = [query_text(query.text) for query in queries]
    chosen = [
        _fraction(query_text(query.variation_of) if query.variation_of else text, seed) < share
        for query, text in zip(queries, texts, strict=True)
    ]
    index = NearDuplicates(
        [text for text, is_held_out in zip(texts, chosen, strict=True) if is_held_out],
        NEARLY_THE_SAME,
    )
    return [
        is_held_out or index.find(text) is not None
        for text, is_held_out in zip(texts, chosen, strict=True)
    ]


def _fraction(text: QueryText, seed: int) -> float:
    digest = hashlib.sha256(f"{seed}\0{text.key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


_EXAMPLES: Final = 5
_PAGE: Final = 1_000


@dataclass(frozen=True, slots=True)
class GradedQuery:
    """A query with graded pairs; ``grades`` is the number of distinct grades, rounded."""

    id: UUID
    text: str
    kind: QueryKind | None
    variation_of: str | None
    pairs: int
    grades: int


@dataclass(frozen=True, slots=True)
class SelectedQueries:
    """The selected queries, the pairs left out by reason, and the queries that specs keep out.

    ``held_out`` are the texts of all held-out queries, measurable or not.
    """

    taken: tuple[TrainingQuery, ...]
    held_out: tuple[str, ...]
    left_out: dict[LeftOutReason, int]
    dropped: tuple[Dropped, ...]


def graded_queries(cursor: DuckDBPyConnection) -> list[GradedQuery]:
    """Return the queries of the pairs in ``graded`` that are not left out, by id."""
    rows = cursor.execute(
        """
        SELECT query.id, query.text, query.kind, query.variation_of, asked.pairs, asked.grades
        FROM (SELECT query_id, count(*) AS pairs, count(DISTINCT round(grade)) AS grades
            FROM graded WHERE left_out IS NULL GROUP BY query_id) AS asked
        JOIN db.queries AS query ON query.id = asked.query_id
        ORDER BY query.id
        """
    ).fetchall()
    return [
        GradedQuery(identifier, text, QueryKind(kind) if kind else None, *rest)
        for identifier, text, kind, *rest in rows
    ]


def select_queries(
    queries: list[GradedQuery], plan: TrainingSetPlan, guard: SpecGuard, job: Job
) -> SelectedQueries:
    """Drop the queries of specs, split the rest, and leave out what cannot be measured on.

    A held-out query whose grades are all alike has no ranking to measure. It is in neither split,
    so that it has not been trained on when it gets another grade later.
    """
    leaks: dict[LeakRule, list[tuple[GradedQuery, Leak]]] = defaultdict(list)
    kept = []
    for place, query in enumerate(queries):
        if place % _PAGE == 0:
            job.step(place, len(queries), "queries")
        leak = guard.leak(query.text, query.variation_of)
        if leak is None:
            kept.append(query)
        else:
            leaks[leak.rule].append((query, leak))
    asked = [AskedQuery(query.text, query.variation_of) for query in kept]
    sides = held_out(asked, plan.held_out_share, plan.seed)
    taken = []
    left_out = Counter({LeftOutReason.SPEC: 0, LeftOutReason.UNMEASURABLE: 0})
    for query, is_held_out in zip(kept, sides, strict=True):
        if is_held_out and query.grades < 2:  # noqa: PLR2004 - one grade gives no order
            left_out[LeftOutReason.UNMEASURABLE] += query.pairs
        else:
            split = Split.HELD_OUT if is_held_out else Split.TRAIN
            taken.append(TrainingQuery(query.id, query.text, query.kind, split))
    dropped = tuple(
        Dropped(
            rule,
            len(found),
            sum(query.pairs for query, _ in found),
            tuple(leak for _, leak in found[:_EXAMPLES]),
        )
        for rule, found in sorted(leaks.items())
    )
    left_out[LeftOutReason.SPEC] = sum(each.pairs for each in dropped)
    apart = (query.text for query, is_held_out in zip(kept, sides, strict=True) if is_held_out)
    return SelectedQueries(tuple(taken), tuple(apart), dict(left_out), dropped)
