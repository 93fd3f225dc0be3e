"""The evals, the queries of one of them, and one query: which are shown, and how to go about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.content import Content

from core.text import displayable_line
from eval.evals import retriever_name
from tui.commands import MISSES
from tui.screens.base import WorkspaceScreen
from tui.screens.misses.board import EvalShelf, MissesBoard
from tui.shown import evals as misses_text
from tui.widgets.code import CodeShelf
from tui.widgets.lists import SplitLine
from tui.words import BRAND, DIM, error_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from uuid import UUID

    from textual.widget import Widget

    from core.errors import RejudgeError
    from core.store.database import Store
    from eval.queries import Candidate, QueryDetail, QueryRow
    from tui.widgets.code_text import CodeText
    from tui.widgets.lists import Cell, RowList
    from tui.words import Part


#: Queries that are read together, ahead of the cursor.
_AHEAD: Final = 16


class QueryScreen(WorkspaceScreen):
    """Shows evals, queries and documents. What is done about them, subclasses say."""

    SECTION = MISSES
    HORIZONTAL_BREAKPOINTS = [(110, "-wide"), (150, "-broad")]  # noqa: RUF012 - as Textual declares it

    def __init__(self) -> None:
        super().__init__()
        self.evals = EvalShelf()
        self.detail: QueryDetail | None = None
        self.message = Content()
        self._on_evals = False
        self._side = 0
        self._wanted = 0
        self._above = 0
        self._turn = 0
        self._reading: int | None = None

    def body(self) -> Iterable[Widget]:
        """Return the board."""
        self.shelf = CodeShelf(self.desk.background.submit)
        self.board = MissesBoard(
            self._eval_cells, self._query_cells, self.token_cells, self._lex_far
        )
        yield self.board

    def begin(self) -> None:
        """Say that the workspace is being opened."""
        self.query_one("#top", SplitLine).show(Content.assemble(BRAND, "  misses"))
        self.board.say(Content.assemble(("opening the workspace …", DIM)), Content())
        self._activate()

    def store_opened(self) -> None:
        """Read the evals."""
        if self.desk.store is not None:
            self.read_evals()

    def read_evals(self) -> None:
        """Read the evals, and the queries of the newest."""
        self.swap(lambda store, evals: evals.read(store))

    def show_eval(self, after: UUID, before: UUID) -> None:
        """Show the queries of an eval beside those of another."""
        self.swap(lambda store, evals: evals.open(store, after, before))

    def choose_eval(self, index: int) -> None:
        """Show the queries of another eval."""
        self.swap(lambda store, evals: evals.choose(store, index))

    def swap(self, make: Callable[[Store, EvalShelf], EvalShelf]) -> None:
        """Read something else in a thread and show it, unless yet something else was asked for."""
        store, evals = self.desk.store, self.evals
        if store is None:
            return
        self._turn += 1
        turn = self._turn
        self.desk.background.start(
            lambda: make(store, evals),
            lambda made: self.take(made) if turn == self._turn else None,
            self._refused,
        )

    def take(self, evals: EvalShelf) -> None:
        """Show other evals or queries."""
        row = self.row
        same = self.evals.summary == evals.summary
        if not same or evals.known(row.position if row else -1) is None:
            self.detail = None
        self.evals = evals
        if evals.summary is None:
            self._end(misses_text.no_evals_text(self.key_of("misses.start")))
            return
        self.show_evals()
        self.show_queries(evals.place_of(row.position) if row and same else 0)
        if not evals.complete:
            self.swap(lambda store, evals: evals.completed(store))

    def _refused(self, error: RejudgeError) -> None:
        self._end(error_text(error))

    def _end(self, content: Content) -> None:
        self.board.say(Content(), Content())
        self.board.show_end(content)

    def show_evals(self) -> None:
        """Show the evals, which is chosen and which is compared."""
        other = self.evals.compared
        text = f"beside {retriever_name(other)} {misses_text.short_id(other)} " if other else ""
        self.board.show_evals(
            len(self.evals.summaries),
            self.evals.chosen,
            Content.assemble((displayable_line(text), DIM)),
        )
        summary = self.evals.summary
        if summary is not None:
            named = displayable_line(f"  {retriever_name(summary)} on {summary.spec_name}")
            missed = sum(row.missed for row in self.evals.all_rows)
            self.query_one("#top", SplitLine).show(
                Content.assemble(BRAND, "  misses", (named, DIM)),
                misses_text.missed_text(missed, len(self.evals.all_rows))
                if self.evals.complete
                else Content(),
            )

    def show_queries(self, cursor: int = 0) -> None:
        """Show the queries that the filter leaves."""
        evals = self.evals
        self.board.show_queries(
            len(evals.rows),
            cursor,
            *misses_text.listed_text(evals.wanted, len(evals.rows), len(evals.all_rows)),
        )
        self.show_query()

    @property
    def row(self) -> QueryRow | None:
        """The query under the cursor."""
        rows = self.evals.rows
        place = self.board.queries.cursor
        return rows[place] if 0 <= place < len(rows) else None

    def show_query(self) -> None:
        """Show the query under the cursor, its documents as soon as they are read."""
        row = self.row
        self.board.show_head(row)
        self.board.remove_class("-aligned")
        self._wanted = self._above = 0
        self.say()
        if row is None:
            self.detail = None
            self._show_documents()
            return
        self._show_known_or_read(row.position)

    def _read(self, position: int) -> None:
        """Read a query's documents; while one is being read, the others wait for it."""
        store, evals = self.desk.store, self.evals
        if store is None or self._reading is not None:
            return
        self._reading = position

        def done(_: QueryDetail) -> None:
            self._reading = None
            if self.row is not None:
                self._show_known_or_read(self.row.position)

        def failed(error: RejudgeError) -> None:
            self._reading = None
            self.desk.show_error(error)

        self.desk.background.start(lambda: evals.detail(store, position), done, failed)

    def _show_known_or_read(self, position: int) -> None:
        known = self.evals.known(position)
        if known is not None:
            self.detail = known
            self._show_documents()
            self._look_ahead()
        elif self.board.detail_in_sight:
            self._read(position)

    def _look_ahead(self) -> None:
        """Read the queries around in the background, so that each is there when it is gone to.

        They are read some at a time: one read costs as much as one key.
        """
        store, evals = self.desk.store, self.evals
        place = self.board.queries.cursor
        near = self._positions(place + 1, place - 1)
        if store is None or not self.board.detail_in_sight:
            return
        if any(evals.known(position) is None for position in near):
            near += self._positions(*range(place + 2, place + _AHEAD))
        self.desk.background.submit(lambda: evals.look_ahead(store, near, self.shelf))

    def _positions(self, *places: int) -> list[int]:
        """Return the positions of the queries listed at these places, where there are any."""
        rows = self.evals.rows
        return [rows[each].position for each in places if 0 <= each < len(rows)]

    def _show_documents(self) -> None:
        detail = self.detail
        wanted, above = self.wanted_candidate, self.above_candidate
        nothing = Content()
        if detail is None or wanted is None:
            self._show_side(0, wanted, nothing)
        else:
            title = misses_text.wanted_title(wanted, self._wanted + 1, len(detail.wanted))
            self._show_side(0, wanted, title)
        if detail is None or detail.problem:
            self._show_side(1, None, nothing)
        elif above is None:
            self._show_side(1, None, misses_text.nothing_above_text(detail))
        else:
            self._show_side(1, above, misses_text.above_title(above, len(detail.above)))

    def _show_side(self, side: int, each: Candidate | None, title: Content) -> None:
        document = each.document if each else None
        self.board.show_side(
            side,
            title,
            misses_text.overlap_text(each) if each else Content(),
            self.shelf.take(document) if document else None,
            document.start_line if document else None,
        )

    @property
    def wanted_candidate(self) -> Candidate | None:
        """The wanted document in sight."""
        wanted = self.detail.wanted if self.detail else ()
        return wanted[self._wanted % len(wanted)] if wanted else None

    @property
    def above_candidate(self) -> Candidate | None:
        """The document above in sight."""
        above = self.detail.above if self.detail else ()
        return above[self._above % len(above)] if above else None

    def action_above(self, step: int) -> None:
        """Show another of the documents above."""
        if self.detail is not None and self.detail.above:
            self._above = (self._above + step) % len(self.detail.above)
            self.board.remove_class("-aligned")
            self._show_documents()

    def action_wanted(self) -> None:
        """Show another of the wanted documents."""
        if self.detail is not None and self.detail.wanted:
            self._wanted = (self._wanted + 1) % len(self.detail.wanted)
            self.board.remove_class("-aligned")
            self._show_documents()

    def action_open(self) -> None:
        """Go from the evals to the queries, from the queries to the documents."""
        if self._on_evals:
            self.action_pane()
        elif self.row is not None:
            self.board.add_class("-reading")
            self._activate()
            self.show_query()

    def back(self) -> bool:
        """Go from the documents to the lists; return whether there was a way back."""
        if self.board.has_class("-aligned"):
            self.board.remove_class("-aligned")
            self.say()
            return True
        if self.board.has_class("-reading"):
            self.board.remove_class("-reading")
            self._activate()
            self.say()
            return True
        return False

    def action_pane(self) -> None:
        """Go to the other list, or scroll the other code."""
        if self.board.has_class("-reading"):
            self._side = 1 - self._side
            self.board.scroll_side(self._side)
        else:
            self._on_evals = not self._on_evals
            self._activate()

    def _activate(self) -> None:
        reading = self.board.has_class("-reading")
        self.board.evals.activate(self._on_evals and not reading)
        self.board.queries.activate(not self._on_evals and not reading)

    def action_query(self, step: int) -> None:
        """Go to the next query or the one before."""
        self.board.queries.put(self.board.queries.cursor + step)
        self.show_query()

    def action_go(self, move: str) -> None:
        """Move the cursor or scroll what is read."""
        if self.board.has_class("-aligned"):
            self.board.tokens.move(move)
        elif move in {"left", "right"} or self.board.has_class("-reading"):
            self.board.codes[self._side].move(move)
        elif self._on_evals:
            self.board.evals.move(move)
            self.choose_eval(self.board.evals.cursor)
        else:
            self.board.queries.move(move)
            self.show_query()

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        """Follow the mouse."""
        if event.rows is self.board.evals:
            self._on_evals = True
            self.choose_eval(event.rows.cursor)
        elif event.rows is self.board.queries:
            self._on_evals = False
            self.show_query()
        self._activate()

    def on_resize(self) -> None:
        """Read what came into sight."""
        if self.evals.summary is not None:
            self.show_evals()
            self.show_status()
        if self.detail is None and self.row is not None and self.board.detail_in_sight:
            self._read(self.row.position)

    def say(self, *parts: Part) -> None:
        """Show what the last key did."""
        self.message = Content.assemble(*parts)
        self.show_status()

    def show_status(self) -> None:
        """Show what the last key did, else which keys lead on."""
        self.board.say(self.message if self.message.plain else self._hint(), Content())

    def _hint(self) -> Content:
        if self.evals.summary is None:
            return Content()
        return misses_text.hint_text(
            self.key_of, lists=self.board.lists_in_sight, query=self.board.detail_in_sight
        )

    def key_of(self, identifier: str) -> str:
        """Return the key of a command, as it is shown."""
        return self.desk.key_table.shown_of(identifier)

    def token_cells(self, index: int, line: int, width: int) -> Sequence[Cell]:
        """Return a line of the alignment."""
        raise NotImplementedError

    def _eval_cells(self, index: int, line: int, width: int) -> Sequence[Cell]:
        summary = self.evals.summaries[index]
        compared = self.evals.compared
        return misses_text.eval_cells(
            summary,
            self.evals.figures[index],
            line,
            width,
            compared=compared is not None and compared.id == summary.id,
        )

    def _query_cells(self, index: int, _: int, width: int) -> Sequence[Cell]:
        compared = self.evals.compared is not None
        return misses_text.query_cells(self.evals.rows[index], width, compared=compared)

    def _lex_far(self, code: CodeText, end: int) -> None:
        def paint(_: object) -> None:
            for view in self.board.codes:
                view.lexed()

        self.desk.background.start(lambda: code.lex(end), paint)
