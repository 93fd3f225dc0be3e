"""The widgets of the misses screen: the lists on the left, a query on the right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.containers import Horizontal, Vertical
from textual.content import Content

from tui.screens.misses.documents import QueryPane
from tui.shown import evals as misses_text
from tui.widgets.board import Board
from tui.widgets.lists import RowList
from tui.widgets.text import SplitLine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.app import ComposeResult

    from tui.widgets.code import CodeCache
    from tui.widgets.code_text import CodeText
    from tui.widgets.lists import Cell

    Painter = Callable[[int, int, int], Sequence[Cell]]

#: Evals in sight at once; on a low screen the queries need the room.
_MOST_EVALS: Final = 4
_FEW_EVALS: Final = 2
_LOW: Final = 30


class MissesBoard(Board):
    """Evals and queries on the left, the documents of one query on the right.

    Where there is no room for both, the class ``-reading`` shows the right side.
    """

    SCOPED_CSS = False  # the screen carries -wide and -broad
    DEFAULT_CSS = """
    MissesBoard {
        height: 1fr;
        & #middle { height: 1fr; }
        & #lists { width: 1fr; }
        & #evals-head, & #queries-head { height: 1; background: $panel; }
        & #evals { height: 3; }
        & #queries { height: 1fr; }
        & #status { height: 1; padding: 0 1; background: $surface; }
        & #end { display: none; height: 1fr; padding: 1 2; }
        &.-ended #middle { display: none; }
        &.-ended #end { display: block; }
        &.-reading #lists { display: none; }
        &.-reading QueryPane { display: block; }
    }
    .-wide MissesBoard, .-broad MissesBoard {
        & #lists, &.-reading #lists { display: block; width: 44; }
        & QueryPane { display: block; padding: 0 0 0 1; }
    }
    .-broad MissesBoard {
        & #lists, &.-reading #lists { width: 52; }
    }
    """

    def __init__(
        self,
        eval_cells: Painter,
        query_cells: Painter,
        codes: CodeCache,
        lex_far: Callable[[CodeText, int], None],
    ) -> None:
        super().__init__()
        self.evals = RowList(eval_cells, lines=misses_text.EVAL_LINES, id="evals")
        self.queries = RowList(query_cells, id="queries")
        self.query_pane = QueryPane(codes, lex_far)
        self._evals_head = SplitLine(id="evals-head")
        self._queries_head = SplitLine(id="queries-head")

    def compose(self) -> ComposeResult:
        """Lay out lists, query, and status line."""
        with Horizontal(id="middle"):
            yield Vertical(
                self._evals_head, self.evals, self._queries_head, self.queries, id="lists"
            )
            yield self.query_pane
        yield self.end
        yield self.status

    @property
    def reading(self) -> bool:
        """Whether the query was opened, so that keys scroll its documents."""
        return self.has_class("-reading")

    @property
    def query_in_sight(self) -> bool:
        """Whether the documents of the query are in sight."""
        return self.reading or bool(self.screen.classes & {"-wide", "-broad"})

    @property
    def lists_in_sight(self) -> bool:
        """Whether evals and queries are in sight."""
        return not self.reading or bool(self.screen.classes & {"-wide", "-broad"})

    def show_evals(self, count: int, cursor: int, compared: Content) -> None:
        """Show the evals."""
        self.remove_class("-ended")
        most = _FEW_EVALS if self.screen.size.height < _LOW else _MOST_EVALS
        height = min(count, most) * misses_text.EVAL_LINES
        if self.evals.size.height != height:
            self.evals.styles.height = height
        self.evals.show(count, cursor)
        self._evals_head.show(Content(" evaluations"), compared)

    def show_queries(self, count: int, cursor: int, what: Content, how_many: Content) -> None:
        """Show the queries."""
        self.queries.show(count, cursor)
        self._queries_head.show(what, how_many)
