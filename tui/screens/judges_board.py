"""The widgets of the judges screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Container, VerticalScroll
from textual.widgets import Static

from tui.screens.judges_text import JUDGE_LINES
from tui.widgets.board import Board
from tui.widgets.row_list import RowList
from tui.widgets.split_line import SplitLine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.app import ComposeResult
    from textual.content import Content

    from tui.widgets.row_list import Cell

_MOST_JUDGES = 4


class JudgesBoard(Board):
    """Judges above, below them the chosen one's figures or the pairs that judges fight over.

    The figures stand in one column, or in two where there is room.
    """

    SCOPED_CSS = False  # the screen carries -broad
    DEFAULT_CSS = """
    JudgesBoard {
        height: 1fr;
        & #judges { height: 2; background: $surface; }
        & #page { height: 1fr; padding: 1 2 0 2; }
        & #columns { height: auto; layout: vertical; }
        & #columns Static { height: auto; width: 1fr; padding: 0 0 1 0; }
        & #fights-head { display: none; height: 1; background: $panel; }
        & #fights { display: none; height: 1fr; }
        & #status { height: 1; padding: 0 1; background: $surface; }
        & #end { display: none; height: 1fr; padding: 1 2; }
        &.-ended #judges, &.-ended #page { display: none; }
        &.-ended #end { display: block; }
        &.-fighting #page { display: none; }
        &.-fighting #fights-head, &.-fighting #fights { display: block; }
    }
    .-broad JudgesBoard {
        & #columns { layout: horizontal; }
        & #columns Static { padding: 0 3 1 0; }
    }
    """

    def __init__(
        self,
        judge_cells: Callable[[int, int, int], Sequence[Cell]],
        fight_cells: Callable[[int, int, int], Sequence[Cell]],
    ) -> None:
        super().__init__(classes="-ended")
        self.judges = RowList(judge_cells, lines=JUDGE_LINES, id="judges")
        self.fights = RowList(fight_cells, id="fights")
        self.page = VerticalScroll(id="page", classes="page", can_focus=False)
        self._judge = Static(id="judge")
        self._trust = Static(id="trust")
        self._fights_head = SplitLine(id="fights-head")

    def compose(self) -> ComposeResult:
        """Lay out all of it."""
        yield self.judges
        with self.page, Container(id="columns"):
            yield self._judge
            yield self._trust
        yield self._fights_head
        yield self.fights
        yield self.end
        yield self.status

    @property
    def fighting(self) -> bool:
        """Whether the fights are in sight."""
        return self.has_class("-fighting")

    def show_judges(self, count: int, cursor: int) -> None:
        """Show the judges."""
        self.remove_class("-ended")
        self.judges.styles.height = min(count, _MOST_JUDGES) * JUDGE_LINES
        self.judges.show(count, cursor)

    def show_figures(self, judge: Content, trust: Content) -> None:
        """Show the figures of the chosen judge."""
        self._judge.update(judge)
        self._trust.update(trust)

    def show_fights(self, count: int, head: Content) -> None:
        """Show the pairs that judges fight over."""
        self._fights_head.show(head)
        self.fights.show(count, self.fights.cursor)

    def show_end(self, content: Content) -> None:
        """Show a text in place of everything."""
        self.remove_class("-fighting")
        super().show_end(content)
