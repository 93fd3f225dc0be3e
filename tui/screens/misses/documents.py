"""A query of an eval: the expected documents beside those ranked above them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Container, Vertical
from textual.content import Content

from tui.shown import evals as misses_text
from tui.widgets.bars import PairHead
from tui.widgets.code import CodeView
from tui.widgets.lists import RowList
from tui.widgets.text import SplitLine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.app import ComposeResult

    from eval.explaining import Alignment
    from eval.queries import Candidate, QueryDetail, QueryRow
    from tui.widgets.code import CodeCache
    from tui.widgets.code_text import CodeText
    from tui.widgets.lists import Cell

_EXPECTED, _ABOVE = 0, 1


class QueryPane(Vertical):
    """Shows an expected document and one ranked above, or the tokens of both.

    Attributes:
        detail: the documents of the query; None before they are read.
    """

    SCOPED_CSS = False  # the screen carries -broad
    DEFAULT_CSS = """
    QueryPane {
        width: 1fr;
        display: none;
        & #head { height: 3; padding: 0 1; }
        & #codes { height: 1fr; layout: vertical; }
        & .side { height: 1fr; width: 1fr; }
        & .title { background: $panel; }
        & .title, & .overlap { height: 1; padding: 0 1; text-wrap: nowrap; }
        & .side.-scrolled .title { background: $surface-lighten-2; }
        & CodeView { height: 1fr; }
        & #tokens { display: none; height: 1fr; }
        &.-aligned #tokens { display: block; }
        &.-aligned #codes { display: none; }
    }
    .-broad QueryPane #codes { layout: horizontal; }
    """

    def __init__(self, codes: CodeCache, lex_far: Callable[[CodeText, int], None]) -> None:
        super().__init__(id="detail")
        self.detail: QueryDetail | None = None
        self._codes = codes
        self._places = [0, 0]
        self._scrolled = _EXPECTED
        self._alignments: Sequence[Alignment] = ()
        self._head = PairHead(id="head")
        self.tokens = RowList(self._token_cells, id="tokens")
        self.views = (CodeView(lex_far, id="wanted"), CodeView(lex_far, id="above"))
        self._titles = (SplitLine(id="wanted-title"), SplitLine(id="above-title"))
        self._overlaps = (SplitLine(id="wanted-overlap"), SplitLine(id="above-overlap"))
        for title, overlap in zip(self._titles, self._overlaps, strict=True):
            title.add_class("title")
            overlap.add_class("overlap")
        self._sides = tuple(
            Vertical(title, overlap, view, classes="side")
            for title, overlap, view in zip(self._titles, self._overlaps, self.views, strict=True)
        )
        self._sides[_EXPECTED].add_class("-scrolled")

    def compose(self) -> ComposeResult:
        """Lay out the query, both documents, and the tokens."""
        yield self._head
        yield Container(*self._sides, id="codes")
        yield self.tokens

    def show_query(self, row: QueryRow | None) -> None:
        """Show another query without its documents; None: there is none."""
        nothing = Content("no query matches this filter"), Content()
        self._head.show(*(misses_text.head_text(row) if row else nothing))
        self._places = [0, 0]
        self.close_alignment()

    def show_detail(self, detail: QueryDetail | None) -> None:
        """Show the documents of the query; None: they are not read."""
        self.detail = detail
        self._show_documents()

    @property
    def expected(self) -> Candidate | None:
        """The expected document in sight."""
        found = self.detail.wanted if self.detail else ()
        return found[self._places[_EXPECTED] % len(found)] if found else None

    @property
    def above(self) -> Candidate | None:
        """The document ranked above in sight."""
        found = self.detail.above if self.detail else ()
        return found[self._places[_ABOVE] % len(found)] if found else None

    def next_expected(self) -> None:
        """Show the next expected document."""
        self._step(_EXPECTED, 1)

    def next_above(self, step: int) -> None:
        """Show the next document ranked above, or the previous."""
        self._step(_ABOVE, step)

    def _step(self, side: int, step: int) -> None:
        detail = self.detail
        count = len(detail.above if side else detail.wanted) if detail else 0
        if count:
            self._places[side] = (self._places[side] + step) % count
            self.close_alignment()
            self._show_documents()

    def switch_side(self) -> None:
        """Let the keys scroll the other document."""
        self._scrolled = 1 - self._scrolled
        for number, side in enumerate(self._sides):
            side.set_class(number == self._scrolled, "-scrolled")

    def move(self, move: str) -> None:
        """Scroll the tokens, or the document that the keys scroll."""
        target = self.tokens if self.aligned else self.views[self._scrolled]
        target.move(move)

    @property
    def aligned(self) -> bool:
        """Whether the tokens are in sight."""
        return self.has_class("-aligned")

    def show_alignment(self, found: Sequence[Alignment]) -> None:
        """Show the tokens of the query beside their nearest tokens, in place of the documents."""
        self._alignments = found
        self.add_class("-aligned")
        self.tokens.show(len(found[0].matches) + 2)

    def close_alignment(self) -> None:
        """Show the documents again."""
        self.remove_class("-aligned")

    def lexed(self) -> None:
        """Paint code that was highlighted in the background."""
        for view in self.views:
            view.lexed()

    def _token_cells(self, index: int, _: int, __: int) -> Sequence[Cell]:
        return misses_text.token_cells(self._alignments, index) if self._alignments else ()

    def _show_documents(self) -> None:
        detail, expected, above = self.detail, self.expected, self.above
        title = Content()
        if detail is not None and expected is not None:
            number = self._places[_EXPECTED] + 1
            title = misses_text.wanted_title(expected, number, len(detail.wanted))
        self._show_side(_EXPECTED, expected, title)
        if detail is None or detail.problem:
            self._show_side(_ABOVE, None, Content())
        elif above is None:
            self._show_side(_ABOVE, None, misses_text.nothing_above_text(detail))
        else:
            title = misses_text.above_title(above, len(detail.above))
            self._show_side(_ABOVE, above, title)

    def _show_side(self, side: int, candidate: Candidate | None, title: Content) -> None:
        document = candidate.document if candidate else None
        self._titles[side].show(title)
        overlap = misses_text.overlap_text(candidate) if candidate else Content()
        self._overlaps[side].show(overlap)
        code = self._codes.take(document) if document else None
        self.views[side].show(code, document.start_line if document else None)
