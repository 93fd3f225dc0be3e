"""The widgets of the train screen: the runs, one or two of them in full, or the form."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from textual.containers import Grid, Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui.shown import train as train_text
from tui.widgets.board import Board
from tui.widgets.curves import Chart, value_bounds
from tui.widgets.lists import RowList
from tui.widgets.text import Pane, SplitLine
from tui.words import DIM, STRONG

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.app import ComposeResult

    from train.runs.progress import RunView
    from train.runs.store import RunRecord
    from tui.screens.train.form import FormPane
    from tui.widgets.lists import Cell

    Painter = Callable[[int, int, int], Sequence[Cell]]
    Bounds = tuple[float, float] | None

_SCROLLED = 4


class Below(StrEnum):
    """The text below the curves."""

    OUTCOME = "outcome"
    LOG = "log"
    SETTINGS = "settings"


class TrainBoard(Board):
    """The runs on the left, one of them on the right; or two of them; or the form.

    The classes ``-forming``, ``-comparing`` and ``-ended`` say which is in sight; without any it is
    one run.
    """

    SCOPED_CSS = False  # the screen carries -wide
    DEFAULT_CSS = """
    TrainBoard {
        height: 1fr;
        & #middle { height: 1fr; }
        & #runs-side { width: 30; }
        & #runs-head, & #head, & #below-head { height: 1; background: $panel; }
        & #runs { height: 1fr; }
        & #view { width: 1fr; padding: 0 0 0 1; }
        & #figures { height: 4; padding: 0 1; }
        & #charts { height: 7; grid-size: 2 1; grid-rows: 7; grid-gutter: 0 1; }
        & #charts Chart { height: 7; padding: 0 1; }
        & #loss-other, & #metric-other { display: none; }
        & #below {
            height: 1fr;
            padding: 0 1;
            scrollbar-size: 0 1;
            scrollbar-background: $surface;
            scrollbar-color: $foreground 25%;
        }
        & #below > Static { height: auto; }
        & #status { height: 1; padding: 0 1; background: $surface; }
        & #end { display: none; height: 1fr; padding: 1 2; }
        &.-ended #middle { display: none; }
        &.-ended #end { display: block; }
        &.-comparing #runs-side, &.-comparing #figures { display: none; }
        &.-comparing #view { padding: 0; }
        &.-comparing #charts { height: 14; grid-size: 2 2; }
        &.-comparing #loss-other, &.-comparing #metric-other { display: block; }
        &.-forming #runs-side, &.-forming #view { display: none; }
        &.-forming FormPane { display: block; }
    }
    .-wide TrainBoard {
        & #runs-side, &.-forming #runs-side, &.-comparing #runs-side { display: block; width: 34; }
        & #charts { height: 13; grid-rows: 13; }
        & #charts Chart { height: 13; }
        &.-comparing #charts { height: 22; grid-rows: 11; }
        &.-comparing #charts Chart { height: 11; }
        & FormPane, &.-comparing #view { padding: 0 0 0 1; }
    }
    """

    def __init__(self, run_cells: Painter, form: FormPane) -> None:
        super().__init__()
        self.runs = RowList(run_cells, lines=train_text.RUN_LINES, id="runs")
        self._form = form
        self._runs_head = SplitLine(id="runs-head")
        self._head = SplitLine(id="head")
        self._figures = Pane(id="figures")
        self._below_head = SplitLine(id="below-head")
        self._charts = tuple(
            Chart(id=name) for name in ("loss", "metric", "loss-other", "metric-other")
        )
        self._below = Static()
        self._scroll = VerticalScroll(self._below, id="below", can_focus=False)

    def compose(self) -> ComposeResult:
        """Lay out the runs, one run, and the form."""
        with Horizontal(id="middle"):
            with Vertical(id="runs-side"):
                yield self._runs_head
                yield self.runs
            with Vertical(id="view"):
                yield self._head
                yield self._figures
                yield Grid(*self._charts, id="charts")
                yield self._below_head
                yield self._scroll
            yield self._form
        yield self.end
        yield self.status

    @property
    def forming(self) -> bool:
        """Whether the form is in sight."""
        return self.has_class("-forming")

    def show_form(self, shown: bool) -> None:
        """Show the form, or the runs again."""
        self.set_class(shown, "-forming")
        self.runs.activate(not shown)
        if shown:
            self.remove_class("-ended")

    def show_runs(self, count: int, cursor: int) -> None:
        """Show the list of runs."""
        self.remove_class("-ended")
        self._runs_head.show(Content.assemble((" runs", STRONG)))
        self.runs.show(count, cursor)

    def show_run(self, record: RunRecord, view: RunView | None, *, stopping: bool) -> None:
        """Show a run, but for the text below its curves."""
        self.remove_class("-comparing")
        status = train_text.status_content(record.status, stopping=stopping)
        self._head.show(train_text.head_text(record), status)
        self._figures.show(lambda _: train_text.figures_text(record, view))
        self._show_curves(0, view, "", None, None)

    def compare_runs(
        self, one: RunRecord, other: RunRecord, views: Sequence[RunView | None]
    ) -> None:
        """Show two runs on the same axes, with the settings that differ."""
        from train.config import config_differences

        self.add_class("-comparing")
        losses = [point for view in views if view for point in view.progress.loss]
        metrics = [point for view in views if view for point in view.progress.metric]
        bounds = value_bounds(losses), value_bounds(metrics)
        names = train_text.short_id(one.id), train_text.short_id(other.id)
        back = Content.assemble(("esc back ", DIM))
        self._head.show(train_text.compared_text(one, other), back)
        for place, (view, name) in enumerate(zip(views, names, strict=True)):
            self._show_curves(2 * place, view, f" of {name}", *bounds)
        differences = config_differences(one.config, other.config)
        self._below_head.show(Content.assemble((" settings that differ", STRONG)))
        self._below.update(train_text.differences_text(differences, names))

    def show_below(self, shown: Below, next_key: str, content: Content) -> None:
        """Show a text below the curves, under the names of all texts."""
        self._below_head.show(
            train_text.tabs_text(shown.value, [each.value for each in Below]),
            Content.assemble((f"{next_key} next ", DIM)),
        )
        self._below.update(content)

    def scroll_below(self, direction: int) -> None:
        """Scroll the text below the curves."""
        self._scroll.scroll_relative(y=_SCROLLED * direction, animate=False)

    def _show_curves(
        self, place: int, view: RunView | None, of: str, loss_bounds: Bounds, metric_bounds: Bounds
    ) -> None:
        loss = view.progress.loss if view else ()
        metric = view.progress.metric if view else ()
        title = train_text.curve_title("loss", of, loss)
        self._charts[place].show(title, loss, loss_bounds)
        title = train_text.curve_title("held-out nDCG@10", of, metric)
        self._charts[place + 1].show(title, metric, metric_bounds)
