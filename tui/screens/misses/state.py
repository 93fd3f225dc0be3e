"""What the misses screen has read: the evals, the queries of one, and documents of some."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from core.store.database import Store
    from eval.evals import EvalSummary, GoalFigure
    from eval.queries import QueryDetail, QueryFilter, QueryRow
    from labels.pairs.mining import MissPairs
    from tui.widgets.code import CodeCache


_KEPT: Final = 64
#: Queries read before the rest, so that a long eval is soon on the screen.
_FIRST: Final = 300


@dataclass(frozen=True)
class EvalState:
    """What the screen has read. Reading more returns a new state, in any thread.

    Attributes:
        summaries: the evals, the newest first.
        figures: of each eval, its metrics beside their goals.
        chosen: index of the eval whose queries are listed.
        compared: the eval that it is compared with; None: none.
        all_rows: its queries.
        rows: those that match the filter.
        wanted: the filter; None before anything was read.
        complete: whether all of the eval's queries were read, not only the first ones.
    """

    summaries: tuple[EvalSummary, ...] = ()
    figures: tuple[tuple[GoalFigure, ...], ...] = ()
    chosen: int = 0
    compared: EvalSummary | None = None
    all_rows: tuple[QueryRow, ...] = ()
    rows: tuple[QueryRow, ...] = ()
    wanted: QueryFilter | None = None
    complete: bool = True
    _details: OrderedDict[int, QueryDetail] = field(default_factory=OrderedDict)

    @property
    def summary(self) -> EvalSummary | None:
        """The chosen eval."""
        return self.summaries[self.chosen] if self.summaries else None

    def read(self, store: Store) -> EvalState:
        """Read the evals and the queries of the newest."""
        from eval.evals import goal_figures, list_evals

        summaries = tuple(list_evals(store))
        fresh = replace(
            self, summaries=summaries, figures=tuple(goal_figures(each) for each in summaries)
        )
        return fresh.choose(store, 0) if summaries else fresh

    def open(self, store: Store, after: UUID, before: UUID) -> EvalState:
        """Read the evals again, and the queries of one eval beside those of another."""
        fresh = self.read(store)
        chosen = replace(fresh, chosen=fresh.place_of_eval(after))
        return chosen.compare(store, fresh.summaries[fresh.place_of_eval(before)])

    def choose(self, store: Store, chosen: int) -> EvalState:
        """Read the queries of an eval beside those of the previous eval on the same spec."""
        fresh = replace(self, chosen=chosen)
        others = fresh.others()
        return fresh.compare(store, others[0] if others else None)

    def compare(self, store: Store, other: EvalSummary | None) -> EvalState:
        """Read the first queries of the chosen eval, compared with another or with none."""
        fresh = replace(self, compared=other, complete=False, _details=OrderedDict())
        return fresh.with_rows(store, _FIRST)

    def completed(self, store: Store) -> EvalState:
        """Read the rest of the queries."""
        return self.with_rows(store, None)

    def with_rows(self, store: Store, before: int | None) -> EvalState:
        """Read the queries before a position in the spec; None: all."""
        from eval.queries import QueryFilter, Shown, query_rows

        summary, other = self.summaries[self.chosen], self.compared
        rows = query_rows(
            store, summary.id, summary.k, other.id if other else None, before_position=before
        )
        complete = before is None or len(rows) < before
        wanted = self.wanted
        if wanted is None:
            missed = not complete or any(row.missed for row in rows)
            wanted = QueryFilter(Shown.MISSES if missed else Shown.ALL)
        return replace(self, all_rows=rows, complete=complete).filtered(wanted)

    def filtered(self, wanted: QueryFilter) -> EvalState:
        """Return the state with another filter."""
        from eval.queries import filtered

        return replace(self, wanted=wanted, rows=filtered(self.all_rows, wanted))

    def others(self) -> tuple[EvalSummary, ...]:
        """Return the other evals of the same spec, in any of its versions; the previous first."""
        from eval.misses import family_name

        summary = self.summaries[self.chosen]
        order = (*self.summaries[self.chosen + 1 :], *self.summaries[: self.chosen])
        family = family_name(summary.spec_name)
        return tuple(each for each in order if family_name(each.spec_name) == family)

    def next_compared(self) -> EvalSummary | None:
        """Return the eval after the compared one; None after the last."""
        others = self.others()
        known = [each.id for each in others]
        place = known.index(self.compared.id) + 1 if self.compared else 0
        return others[place] if place < len(others) else None

    def place_of(self, position: int) -> int:
        """Return the row of a query; 0 when the filter leaves it out."""
        places = (place for place, row in enumerate(self.rows) if row.position == position)
        return next(places, 0)

    def place_of_eval(self, identifier: UUID) -> int:
        """Return the row of an eval; 0 when it is not listed."""
        places = (place for place, each in enumerate(self.summaries) if each.id == identifier)
        return next(places, 0)

    def known(self, position: int) -> QueryDetail | None:
        """Return a query's documents if they were read."""
        return self._details.get(position)

    def detail(self, store: Store, position: int) -> QueryDetail:
        """Read a query's documents."""
        from eval.queries import query_detail

        summary = self.summaries[self.chosen]
        found = self._details.get(position) or query_detail(store, summary, position)
        self._keep({position: found})
        return found

    def read_ahead(self, store: Store, positions: Sequence[int], codes: CodeCache) -> None:
        """Read the documents of some queries, and highlight the code that is shown first.

        Args:
            store: holds them.
            positions: the queries, the next ones first.
            codes: takes the code of the first two.
        """
        from eval.queries import query_details

        unknown = [position for position in positions if position not in self._details]
        if unknown:
            self._keep(query_details(store, self.summaries[self.chosen], unknown))
        for position in positions[:2]:
            detail = self._details.get(position)
            for candidates in (detail.wanted, detail.above) if detail else ():
                if candidates and candidates[0].document is not None:
                    codes.ready(candidates[0].document)

    def make_pairs(self, store: Store, position: int) -> MissPairs:
        """Make pairs of a query and its documents; pairs that exist are kept.

        Raises:
            InputError: the corpus has none of the documents.
        """
        from labels.pairs.mining import add_miss_pairs

        detail = self.detail(store, position)
        if not detail.documents:
            raise InputError(
                "the corpus has no document of this query",
                where=detail.query.text,
                todo="Import the corpus that its spec is about.",
            )
        return add_miss_pairs(store, detail.query.id, detail.documents)

    def _keep(self, details: Mapping[int, QueryDetail]) -> None:
        self._details.update(details)
        while len(self._details) > _KEPT:
            self._details.popitem(last=False)
