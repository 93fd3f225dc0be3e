"""Pairs of the queries that an eval missed, in no order of anybody's choosing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.errors import InputError
from labels.audit_conditions import condition
from labels.strategies import Drawn, Strategy

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from uuid import UUID

    from core.records import Judge
    from core.store import Store
    from labels.audit_records import AuditFilter

#: The queries with nothing relevant in the top k of the latest eval.
_MISSED: Final = """
    SELECT query_id FROM db.eval_queries AS asked JOIN db.evals AS done ON done.id = asked.eval_id
    WHERE asked.problem IS NULL AND (asked.rank IS NULL OR asked.rank > done.k)
        AND done.id = (SELECT id FROM db.evals ORDER BY started DESC, id DESC LIMIT 1)
"""


class MissDraw:
    """Takes every pair of the queries missed by the latest eval; no chance is known of any.

    Raises:
        InputError: there is no eval, or its missed queries have no pairs.
    """

    def __init__(
        self, store: Store, judge: Judge | None, annotator: str, audit_filter: AuditFilter
    ) -> None:
        self._store = store
        self._judge = judge
        self._annotator = annotator
        self._filter = audit_filter
        if not store.read("SELECT 1 FROM db.evals LIMIT 1"):
            raise InputError(
                "there is no eval yet, so no query was missed", todo="Run: rejudge eval SPEC."
            )
        missed = f"SELECT 1 FROM db.pairs WHERE query_id IN ({_MISSED}) LIMIT 1"
        if not store.read(missed):
            raise InputError(
                "the queries that the latest eval missed have no pairs",
                todo="Make them on the misses screen, or run: rejudge misses.",
            )

    def take(self, count: int, passed: AbstractSet[UUID]) -> list[Drawn]:
        """Return the next pairs, at most ``count``, none of those ``passed``."""
        wanted = condition(self._filter, self._annotator, self._judge, "pair.id")
        wanted.also(f"pair.query_id IN ({_MISSED})")
        if passed:
            gone = wanted.parameter(sorted(passed))
            wanted.also(f"pair.id NOT IN (SELECT unnest(CAST({gone} AS UUID[])))")
        rows = self._store.read(
            f"SELECT pair.id FROM db.pairs AS pair WHERE {wanted.sql}"
            f" ORDER BY pair.id LIMIT {count}",
            wanted.parameters,
        )
        return [Drawn(row[0], Strategy.MISS.value) for row in rows]
