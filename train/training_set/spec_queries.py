"""Keeping the queries of eval specs, and their likes, out of training."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from train.training_set.near_duplicates import NearDuplicates
from train.training_set.query_text import query_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb import DuckDBPyConnection


class LeakRule(StrEnum):
    """Why a query counts as one of a spec's."""

    SAME_TEXT = "same text"
    SAME_WORDS = "same words"
    NEAR_DUPLICATE = "near-duplicate"
    VARIATION = "variation"


@dataclass(frozen=True, slots=True)
class Leak:
    """A query that may not be trained on, and the text of the spec that it gives away."""

    rule: LeakRule
    query: str
    spec_query: str


class SpecGuard:
    """Knows the queries of all specs.

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
        """Say whether and why a query may not be trained on.

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
    """Return the guard of all specs that the store has."""
    rows = cursor.execute(
        "SELECT DISTINCT text, variation_of FROM db.queries"
        " WHERE id IN (SELECT query_id FROM db.spec_queries) ORDER BY text"
    ).fetchall()
    return SpecGuard(rows, threshold)
