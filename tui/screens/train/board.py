"""The widgets of the train screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Grid, Horizontal, Vertical, VerticalScroll
from textual.widgets import Static

from tui.shown import train as train_text
from tui.widgets.curves import Chart
from tui.widgets.lists import Board, Pane, RowList, SplitLine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.app import ComposeResult
    from textual.content import Content

    from tui.widgets.curves import Points
    from tui.widgets.lists import Cell

    Painter = Callable[[int, int, int], Sequence[Cell]]

_SCROLLED = 4


class TrainBoard(Board):
    """The runs on the left, one of them on the right; or two beside each other; or the form.

    The classes ``-forming``, ``-comparing`` and ``-ended`` say which is seen; without any it is one
    run.
    """

    SCOPED_CSS = False  # the screen carries -wide
    DEFAULT_CSS = """
    TrainBoard {
        height: 1fr;
        & #middle { height: 1fr; }
        & #runs-side { width: 30; }
        & #runs-head, & #head, & #below-head, & #form-head, & #set-head {
            height: 1; background: $panel;
        }
        & #runs { height: 1fr; }
        & #view { width: 1fr; padding: 0 0 0 1; }
        & #figures { height: 4; padding: 0 1; }
        & #charts { height: 7; grid-size: 2 1; grid-rows: 7; grid-gutter: 0 1; }
        & #charts Chart { height: 7; padding: 0 1; }
        & #loss-other, & #metric-other { display: none; }
        & .below {
            height: 1fr;
            padding: 0 1;
            scrollbar-size: 0 1;
            scrollbar-background: $surface;
            scrollbar-color: $foreground 25%;
        }
        & .below > Static { height: auto; }
        & #form { display: none; width: 1fr; }
        & #fields { height: 13; }
        & #explanation { height: 2; padding: 0 1; color: $foreground 60%; }
        & #status { height: 1; padding: 0 1; background: $surface; }
        & #end { display: none; height: 1fr; padding: 1 2; }
        &.-ended #middle { display: none; }
        &.-ended #end { display: block; }
        &.-comparing #runs-side, &.-comparing #figures { display: none; }
        &.-comparing #view { padding: 0; }
        &.-comparing #charts { height: 14; grid-size: 2 2; }
        &.-comparing #loss-other, &.-comparing #metric-other { display: block; }
        &.-forming #runs-side, &.-forming #view { display: none; }
        &.-forming #form { display: block; }
    }
    .-wide TrainBoard {
        & #runs-side, &.-forming #runs-side, &.-comparing #runs-side { display: block; width: 34; }
        & #charts { height: 13; grid-rows: 13; }
        & #charts Chart { height: 13; }
        &.-comparing #charts { height: 22; grid-rows: 11; }
        &.-comparing #charts Chart { height: 11; }
        & #form, &.-comparing #view { padding: 0 0 0 1; }
    }
    """

    def __init__(self, run_cells: Painter, field_cells: Painter, fields: int) -> None:
        super().__init__()
        self.runs = RowList(run_cells, lines=train_text.RUN_LINES, id="runs")
        self.fields = RowList(field_cells, id="fields")
        self.fields.count = fields
        self.runs_head = SplitLine(id="runs-head")
        self.head = SplitLine(id="head")
        self.figures = Pane(id="figures")
        self.below_head = SplitLine(id="below-head")
        self.form_head = SplitLine(id="form-head")
        self.explanation = Pane(id="explanation")
        self.set_head = SplitLine(id="set-head")
        self._charts = tuple(
            Chart(id=name) for name in ("loss", "metric", "loss-other", "metric-other")
        )
        self._below, self._set, self.end = Static(), Static(), Static(id="end")

    def compose(self) -> ComposeResult:
        """Lay out the runs, one run, and the form."""
        with Horizontal(id="middle"):
            with Vertical(id="runs-side"):
                yield self.runs_head
                yield self.runs
            with Vertical(id="view"):
                yield self.head
                yield self.figures
                yield Grid(*self._charts, id="charts")
                yield self.below_head
                yield VerticalScroll(self._below, id="below", classes="below", can_focus=False)
            with Vertical(id="form"):
                yield self.form_head
                yield self.fields
                yield self.explanation
                yield self.set_head
                yield VerticalScroll(self._set, id="set", classes="below", can_focus=False)
        yield self.end
        yield self.status

    def show_chart(
        self, place: int, title: Content, points: Points, bounds: tuple[float, float] | None
    ) -> None:
        """Show a curve: 0 and 1 are the loss and the metric of the run, 2 and 3 of the other."""
        self._charts[place].show(title, points, bounds)

    def show_below(self, content: Content) -> None:
        """Show a text under the curves."""
        self._below.update(content)

    def show_training_set(self, content: Content) -> None:
        """Show the figures of the training set under the form."""
        self._set.update(content)

    def scroll_below(self, direction: int) -> None:
        """Scroll the text under the curves, or under the form."""
        name = "#set" if self.has_class("-forming") else "#below"
        scroll = self.query_one(name, VerticalScroll)
        scroll.scroll_relative(y=_SCROLLED * direction, animate=False)
