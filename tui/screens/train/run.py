"""The runs and one of them, or two beside each other: what is shown of them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from textual.content import Content

from core.text import displayable_line
from tui.commands import TRAIN
from tui.run_form import FIELDS
from tui.screens.base import WorkspaceScreen
from tui.screens.train.board import TrainBoard
from tui.shown import train as train_text
from tui.shown.evals import progress_text
from tui.widgets.curves import value_bounds
from tui.widgets.lists import SplitLine
from tui.words import BRAND, DIM, STRONG

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual.widget import Widget

    from train.runs.progress import RunView
    from train.runs.store import RunRecord
    from tui.screens.train.runs import RunFollower, RunsSeen
    from tui.widgets.curves import Points
    from tui.widgets.lists import Cell
    from tui.words import Part


class Below(StrEnum):
    """What stands under the curves."""

    OUTCOME = "outcome"
    LOG = "log"
    SETTINGS = "settings"


class RunScreen(WorkspaceScreen):
    """Shows the runs. What is done about them, subclasses say."""

    SECTION = TRAIN
    HORIZONTAL_BREAKPOINTS = [(110, "-wide")]  # noqa: RUF012 - as Textual declares it

    def __init__(self) -> None:
        super().__init__()
        self.chosen = ""
        self.compared = ""
        self.message = Content()
        self.below: Below | None = None

    @property
    def follower(self) -> RunFollower:
        """What looks at the runs for the whole app."""
        return self.desk.follower

    @property
    def records(self) -> Sequence[RunRecord]:
        """The runs, the newest first."""
        return self.follower.last.runs.records if self.follower.last else ()

    @property
    def record(self) -> RunRecord | None:
        """The chosen run."""
        return self.follower.last.record(self.chosen) if self.follower.last else None

    @property
    def look(self) -> RunView | None:
        """The chosen run in full; None before it was read, and when its folder is gone."""
        return self.follower.last.looks.get(self.chosen) if self.follower.last else None

    def body(self) -> Iterable[Widget]:
        """Return the board."""
        self.board = TrainBoard(self._run_cells, self.field_cells, len(FIELDS) + 1)
        yield self.board

    def begin(self) -> None:
        """Say that the workspace is being opened."""
        self.query_one("#top", SplitLine).show(Content.assemble(BRAND, "  train"))
        self.say(("looking at the runs …", DIM))

    def store_opened(self) -> None:
        """Look at the runs."""
        self.say()
        if self.follower.last is not None:
            self.runs_seen(None)
        self.want()

    def on_screen_resume(self) -> None:
        """Look again when a person comes back."""
        if self.desk.store is not None and self.is_mounted:
            self.want()

    def want(self) -> None:
        """Have the chosen run, and the compared one, looked at in full."""
        self.follower.wanted = tuple(filter(None, (self.chosen, self.compared)))
        self.follower.look(self.desk.store)

    def choose(self, name: str) -> None:
        """Show another run."""
        if name != self.chosen:
            self.chosen, self.below = name, None
            self.show_run()
            self.want()

    def runs_seen(self, before: RunsSeen | None) -> None:
        """Show what the last look saw."""
        del before
        records = self.records
        self.query_one("#top", SplitLine).show(
            Content.assemble(BRAND, "  train"), train_text.runs_line(records)
        )
        names = [record.id for record in records]
        if not records:
            key = self.key_of("train.new")
            self.board.show_end(train_text.no_runs_text(key))
            return
        self.board.remove_class("-ended")
        if self.chosen not in names:
            self.chosen = names[0]
            self.want()
        if self.compared not in names:
            self.compared = ""
        self.board.runs.show(len(records), names.index(self.chosen))
        self.show_run()

    def show_run(self) -> None:
        """Show the chosen run, beside the compared one if there is one."""
        record, look = self.record, self.look
        self.board.set_class(bool(self.compared), "-comparing")
        self.board.runs_head.show(Content.assemble((" runs", STRONG)))
        if record is None:
            return
        stopping = self.follower.is_stopping(record.id)
        status = train_text.status_content(record.status, stopping=stopping)
        if self.compared:
            self._show_two(record)
        else:
            self.board.head.show(train_text.head_text(record), status)
            self.board.figures.show(lambda _: train_text.figures_text(record, look))
            self._show_curves(0, look, "", None, None)
            self.show_below(record, look)
        self.show_status()

    def _show_two(self, one: RunRecord) -> None:
        from train.config import config_differences

        seen = self.follower.last
        other = seen.record(self.compared) if seen else None
        if seen is None or other is None:
            return
        looks = [seen.looks.get(each.id) for each in (one, other)]
        losses = [point for look in looks if look for point in look.progress.loss]
        metrics = [point for look in looks if look for point in look.progress.metric]
        bounds = value_bounds(losses), value_bounds(metrics)
        names = train_text.short_id(one.id), train_text.short_id(other.id)
        self.board.head.show(
            train_text.compared_text(one, other), Content.assemble(("esc back ", DIM))
        )
        for place, (look, name) in enumerate(zip(looks, names, strict=True)):
            self._show_curves(2 * place, look, f" of {name}", *bounds)
        self.board.below_head.show(Content.assemble((" in what they differ", STRONG)))
        differences = config_differences(one.config, other.config)
        self.board.show_below(train_text.differences_text(differences, names))

    def _show_curves(
        self,
        place: int,
        look: RunView | None,
        of: str,
        loss_bounds: tuple[float, float] | None,
        metric_bounds: tuple[float, float] | None,
    ) -> None:
        loss: Points = look.progress.loss if look else ()
        metric: Points = look.progress.metric if look else ()
        self.board.show_chart(place, train_text.curve_title("loss", of, loss), loss, loss_bounds)
        title = train_text.curve_title("held-out nDCG@10", of, metric)
        self.board.show_chart(place + 1, title, metric, metric_bounds)

    def show_below(self, record: RunRecord, look: RunView | None) -> None:
        """Show the outcome, the log or the settings of a run under its curves."""
        shown = self.shown_below(record)
        self.board.below_head.show(
            train_text.tabs_text(shown.value, [each.value for each in Below]),
            Content.assemble((f"{self.key_of('train.shown')} next ", DIM)),
        )
        if shown is Below.LOG:
            self.board.show_below(train_text.log_text(look))
        elif shown is Below.SETTINGS:
            self.board.show_below(train_text.settings_text(record.config))
        else:
            seen = self.follower.last
            outcomes = seen.outcomes.get(record.id, ()) if seen else ()
            key = self.key_of("train.misses")
            waiting = self._evaluating(record)
            if seen is not None and record.id not in seen.outcomes:
                waiting = waiting or "looking for its evals …"
            text = train_text.outcome_text(outcomes, record, waiting, key)
            self.board.show_below(text)

    def shown_below(self, record: RunRecord) -> Below:
        """Return what stands under the curves: as chosen, else what matters most."""
        if self.below is not None:
            return self.below
        return Below.OUTCOME if record.status.value == "finished" else Below.LOG

    def _evaluating(self, record: RunRecord) -> str:
        job = self.follower.job
        if job is None or job.record.id != record.id:
            return ""
        return "being evaluated: " + self._job_text()

    def _job_text(self) -> str:
        job = self.follower.job
        if job is None:
            return ""
        if job.stopping:
            return "stopping …"
        return progress_text(job.progress, job.seconds) if job.progress else "starting …"

    def say(self, *parts: Part) -> None:
        """Show what the last key did."""
        self.message = Content.assemble(*parts)
        self.show_status()

    def show_status(self) -> None:
        """Show what is under way, before what the last key did."""
        job = self.follower.job
        if job is None:
            self.board.say(self.message, Content())
            return
        words = f"evaluating {train_text.short_id(job.record.id)}: {self._job_text()}"
        self.board.say(
            Content.assemble((displayable_line(words), "bold"), ("  esc stops", DIM)), self.message
        )

    def key_of(self, identifier: str) -> str:
        """Return the key of a command, as it is shown."""
        return self.desk.key_table.shown_of(identifier)

    def field_cells(self, index: int, line: int, width: int) -> Sequence[Cell]:
        """Return a line of the form."""
        raise NotImplementedError

    def _run_cells(self, index: int, line: int, width: int) -> Sequence[Cell]:
        record = self.records[index]
        gone = self.follower.last.runs.gone if self.follower.last else frozenset()
        return train_text.run_cells(
            record, line, width, gone=record.id in gone, compared=record.id == self.compared
        )
