"""The widgets of the misses screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Container, Horizontal, Vertical
from textual.content import Content

from tui.screens import misses_text
from tui.widgets.board import Board
from tui.widgets.code_view import CodeView
from tui.widgets.pair_head import PairHead
from tui.widgets.row_list import RowList
from tui.widgets.split_line import SplitLine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.app import ComposeResult

    from eval.query_rows import QueryRow
    from tui.widgets.code_text import CodeText
    from tui.widgets.row_list import Cell

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
