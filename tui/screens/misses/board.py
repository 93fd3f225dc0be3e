"""The widgets of the misses screen.

What the misses screen has read: the evals, the queries of one, and the documents of some.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from textual.containers import Container, Horizontal, Vertical
from textual.content import Content

from tui.shown import evals as misses_text
from tui.widgets.bars import PairHead
from tui.widgets.code import CodeView
from tui.widgets.lists import Board, RowList, SplitLine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from uuid import UUID

    from textual.app import ComposeResult

    from core.store.database import Store
    from eval.evals import EvalSummary, GoalFigure
    from eval.queries import QueryDetail, QueryFilter, QueryRow
    from tui.widgets.code import CodeShelf
    from tui.widgets.code_text import CodeText
    from tui.widgets.lists import Cell


_KEPT: Final = 64
#: Queries read before the rest, so that a long eval is soon on the screen.
_FIRST: Final = 300


@dataclass(frozen=True)
class EvalShelf:
    """One state of the screen; reading makes another one, in any thread.

    Attributes:
        summaries: the evals, the newest first.
        figures: of each eval, what stands beside its goals.
        chosen: the place of the eval whose queries are listed.
        compared: the eval whose ranks stand beside; None: none.
        all_rows: its queries.
        rows: those that the filter leaves.
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

    def read(self, store: Store) -> EvalShelf:
        """Read the evals and the queries of the newest."""
        from eval.evals import goal_figures, list_evals

        summaries = tuple(list_evals(store))
        fresh = replace(
            self, summaries=summaries, figures=tuple(goal_figures(each) for each in summaries)
        )
        return fresh.choose(store, 0) if summaries else fresh

    def open(self, store: Store, after: UUID, before: UUID) -> EvalShelf:
        """Read the evals anew, and the queries of one of them beside those of another."""
        fresh = self.read(store)
        chosen = replace(fresh, chosen=fresh.place_of_eval(after))
        return chosen.compare(store, fresh.summaries[fresh.place_of_eval(before)])

    def choose(self, store: Store, chosen: int) -> EvalShelf:
        """Read the queries of an eval beside the one before it on the same spec."""
        fresh = replace(self, chosen=chosen)
        others = fresh.others()
        return fresh.compare(store, others[0] if others else None)

    def compare(self, store: Store, other: EvalSummary | None) -> EvalShelf:
        """Read the first queries of the chosen eval beside another, or beside none."""
        fresh = replace(self, compared=other, complete=False, _details=OrderedDict())
        return fresh.with_rows(store, _FIRST)

    def completed(self, store: Store) -> EvalShelf:
        """Read the rest of the queries."""
        return self.with_rows(store, None)

    def with_rows(self, store: Store, before: int | None) -> EvalShelf:
        """Read the queries before a place in the spec; None: all."""
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

    def filtered(self, wanted: QueryFilter) -> EvalShelf:
        """Return the same with another filter."""
        from eval.queries import filtered

        return replace(self, wanted=wanted, rows=filtered(self.all_rows, wanted))

    def others(self) -> tuple[EvalSummary, ...]:
        """Return the evals to compare with, the one before the chosen first.

        They are those of the same spec, in any of its versions.
        """
        from eval.misses import family_name

        summary = self.summaries[self.chosen]
        order = (*self.summaries[self.chosen + 1 :], *self.summaries[: self.chosen])
        family = family_name(summary.spec_name)
        return tuple(each for each in order if family_name(each.spec_name) == family)

    def next_compared(self) -> EvalSummary | None:
        """Return the eval to compare with after the one of now; None after the last."""
        others = self.others()
        known = [each.id for each in others]
        place = known.index(self.compared.id) + 1 if self.compared else 0
        return others[place] if place < len(others) else None

    def place_of(self, position: int) -> int:
        """Return where a query is listed; 0 where the filter leaves it out."""
        places = (place for place, row in enumerate(self.rows) if row.position == position)
        return next(places, 0)

    def place_of_eval(self, identifier: UUID) -> int:
        """Return where an eval is listed; 0 when it is not."""
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

    def look_ahead(self, store: Store, positions: Sequence[int], shelf: CodeShelf) -> None:
        """Read the documents of some queries and make those seen first ready.

        Args:
            store: holds them.
            positions: the queries, those soon to be looked at first.
            shelf: gets the codes of the first two.
        """
        from eval.queries import query_details

        unknown = [position for position in positions if position not in self._details]
        if unknown:
            self._keep(query_details(store, self.summaries[self.chosen], unknown))
        for position in positions[:2]:
            detail = self._details.get(position)
            for candidates in (detail.wanted, detail.above) if detail else ():
                if candidates and candidates[0].document is not None:
                    shelf.ready(candidates[0].document)

    def _keep(self, details: Mapping[int, QueryDetail]) -> None:
        self._details.update(details)
        while len(self._details) > _KEPT:
            self._details.popitem(last=False)


#: Evals in sight at once; on a low screen the queries need the room.
_MOST_EVALS = 4
_FEW_EVALS = 2
_LOW = 30


class MissesBoard(Board):
    """Evals and queries on the left, the codes of one query on the right.

    Where there is no room for both, the class ``-reading`` says which is seen.
    """

    SCOPED_CSS = False  # the screen carries -wide and -broad
    DEFAULT_CSS = """
    MissesBoard {
        height: 1fr;
        & #middle { height: 1fr; }
        & #lists { width: 1fr; }
        & #evals-head, & #queries-head, & .title { height: 1; background: $panel; }
        & #evals { height: 3; }
        & #queries { height: 1fr; }
        & #detail { width: 1fr; display: none; }
        & #head { height: 3; padding: 0 1; }
        & #codes { height: 1fr; layout: vertical; }
        & .side { height: 1fr; width: 1fr; }
        & .title, & .overlap { height: 1; padding: 0 1; text-wrap: nowrap; }
        & .side.-scrolled .title { background: $surface-lighten-2; }
        & CodeView { height: 1fr; }
        & #tokens { display: none; height: 1fr; }
        &.-aligned #tokens { display: block; }
        &.-aligned #codes { display: none; }
        & #status { height: 1; padding: 0 1; background: $surface; }
        & #end { display: none; height: 1fr; padding: 1 2; }
        &.-ended #middle { display: none; }
        &.-ended #end { display: block; }
        &.-reading #lists { display: none; }
        &.-reading #detail { display: block; }
    }
    .-wide MissesBoard, .-broad MissesBoard {
        & #lists, &.-reading #lists { display: block; width: 44; }
        & #detail { display: block; padding: 0 0 0 1; }
    }
    .-broad MissesBoard {
        & #lists, &.-reading #lists { width: 52; }
        & #codes { layout: horizontal; }
    }
    """

    def __init__(
        self,
        eval_cells: Callable[[int, int, int], Sequence[Cell]],
        query_cells: Callable[[int, int, int], Sequence[Cell]],
        token_cells: Callable[[int, int, int], Sequence[Cell]],
        lex_far: Callable[[CodeText, int], None],
    ) -> None:
        super().__init__()
        self.evals = RowList(eval_cells, lines=misses_text.EVAL_LINES, id="evals")
        self.queries = RowList(query_cells, id="queries")
        self.tokens = RowList(token_cells, id="tokens")
        self.codes = (CodeView(lex_far, id="wanted"), CodeView(lex_far, id="above"))
        self._titles = (SplitLine(id="wanted-title"), SplitLine(id="above-title"))
        self._overlaps = (SplitLine(id="wanted-overlap"), SplitLine(id="above-overlap"))
        for title in self._titles:
            title.add_class("title")
        for overlap in self._overlaps:
            overlap.add_class("overlap")
        self._sides = tuple(
            Vertical(title, overlap, code, classes="side")
            for title, overlap, code in zip(self._titles, self._overlaps, self.codes, strict=True)
        )
        self._sides[0].add_class("-scrolled")
        self._evals_head = SplitLine(id="evals-head")
        self._queries_head = SplitLine(id="queries-head")
        self._head = PairHead(id="head")

    def compose(self) -> ComposeResult:
        """Lay out all of it."""
        with Horizontal(id="middle"):
            yield Vertical(
                self._evals_head, self.evals, self._queries_head, self.queries, id="lists"
            )
            yield Vertical(
                self._head, Container(*self._sides, id="codes"), self.tokens, id="detail"
            )
        yield self.end
        yield self.status

    @property
    def detail_in_sight(self) -> bool:
        """Whether the documents of a query are seen."""
        return self.has_class("-reading") or bool(self.screen.classes & {"-wide", "-broad"})

    @property
    def lists_in_sight(self) -> bool:
        """Whether evals and queries are seen."""
        return not self.has_class("-reading") or bool(self.screen.classes & {"-wide", "-broad"})

    def show_evals(self, count: int, cursor: int, compared: Content) -> None:
        """Swap in the evals."""
        self.remove_class("-ended")
        most = _FEW_EVALS if self.screen.size.height < _LOW else _MOST_EVALS
        height = min(count, most) * misses_text.EVAL_LINES
        if self.evals.size.height != height:
            self.evals.styles.height = height
        self.evals.show(count, cursor)
        self._evals_head.show(Content(" evals"), compared)

    def show_queries(self, count: int, cursor: int, what: Content, how_many: Content) -> None:
        """Swap in the queries."""
        self.queries.show(count, cursor)
        self._queries_head.show(what, how_many)

    def show_head(self, row: QueryRow | None) -> None:
        """Show the query above its documents; None: there is none."""
        nothing = Content("no query under this filter"), Content()
        self._head.show(*(misses_text.head_text(row) if row else nothing))

    def show_side(
        self, side: int, title: Content, overlap: Content, code: CodeText | None, line: int | None
    ) -> None:
        """Show a document: on side 0 one that should be found, on side 1 one that stands above."""
        self._titles[side].show(title)
        self._overlaps[side].show(overlap)
        self.codes[side].show(code, line)

    def scroll_side(self, side: int) -> None:
        """Mark the side that the keys scroll."""
        for number, each in enumerate(self._sides):
            each.set_class(number == side, "-scrolled")
