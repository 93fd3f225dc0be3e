"""The train screen: runs watched, stopped, resumed and compared, and new ones started."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.content import Content

from core.errors import CancelledError, RejudgeError
from core.text import displayable_line
from tui.commands import TRAIN, bindings_of
from tui.screens.base import CompareEvals, ShowScreen, WorkspaceScreen
from tui.screens.train.board import Below, TrainBoard
from tui.screens.train.form import FormPane
from tui.shown import train as train_text
from tui.shown.evals import progress_text
from tui.widgets.text import SplitLine
from tui.words import BRAND, DIM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from textual.widget import Widget

    from train.runs.folder import RunFolder
    from train.runs.progress import RunView
    from train.runs.store import RunRecord
    from tui.context import Context
    from tui.jobs import Running
    from tui.run_monitor import RunsSeen
    from tui.widgets.lists import Cell, RowList


_STATUS_PERIOD: Final = 0.2


class TrainScreen(WorkspaceScreen):
    """Shows the runs, one in full, and the form of a new run.

    Attributes:
        chosen: the run shown in full; empty: none.
        compared: the run beside it; empty: none.
        preparing: the new run being prepared; None: there is none.
        below: the text below the curves, if the person chose one.
    """

    SECTION = TRAIN
    BINDINGS = bindings_of(TRAIN)
    HORIZONTAL_BREAKPOINTS = [(110, "-wide")]  # noqa: RUF012 - as Textual declares it

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.chosen = ""
        self.compared = ""
        self.below: Below | None = None
        self.preparing: Running | None = None
        self.form_pane = FormPane(context, self._ask)
        self.board = TrainBoard(self._run_cells, self.form_pane)

    def _ask(self, name: str, text: str, hint: str, answered: Callable[[str], None]) -> None:
        self.board.ask(name, text, hint, answered)

    @property
    def records(self) -> Sequence[RunRecord]:
        """The runs, the newest first."""
        last = self.context.runs.last
        return last.runs.records if last else ()

    @property
    def record(self) -> RunRecord | None:
        """The chosen run."""
        last = self.context.runs.last
        return last.record(self.chosen) if last else None

    def _view(self, name: str) -> RunView | None:
        """Return a run in full; None before it is read, and when its folder is gone."""
        last = self.context.runs.last
        return last.views.get(name) if last else None

    def body(self) -> Iterable[Widget]:
        """Return the board."""
        yield self.board

    def begin(self) -> None:
        """Show that the runs are being read."""
        self.query_one("#top", SplitLine).show(Content.assemble(BRAND, "  train"))
        self.say(("reading the runs …", DIM))
        self.set_interval(_STATUS_PERIOD, self._tick)

    def store_opened(self) -> None:
        """Read the runs."""
        self.say()
        if self.context.runs.last is not None:
            self.runs_seen(None)
        self._read()

    def on_screen_resume(self) -> None:
        """Read the runs again when the person comes back."""
        if self.context.store is not None and self.is_mounted:
            self._read()

    def _read(self) -> None:
        """Read the runs, the chosen and the compared one in full."""
        self.context.runs.wanted = tuple(filter(None, (self.chosen, self.compared)))
        self.context.runs.refresh(self.context.store)

    def _choose(self, name: str) -> None:
        if name != self.chosen:
            self.chosen, self.below = name, None
            self.say()
            self._show_run()
            self._read()

    def runs_seen(self, before: RunsSeen | None) -> None:
        """Show the latest state of the runs."""
        records = self.records
        self.query_one("#top", SplitLine).show(
            Content.assemble(BRAND, "  train"), train_text.runs_line(records)
        )
        names = [record.id for record in records]
        if not records:
            if not self.board.forming:
                self.board.show_end(train_text.no_runs_text(self.key_of("train.new")))
            return
        if self.chosen not in names:
            self.chosen = names[0]
            self._read()
        if self.compared not in names:
            self.compared = ""
        was = before.record(self.chosen) if before else None
        if was is not None and self.record is not None and was.status is not self.record.status:
            self.message = Content()  # it was about the status before
        self.board.show_runs(len(records), names.index(self.chosen))
        self._show_run()

    def _show_run(self) -> None:
        """Show the chosen run, or both runs of a comparison."""
        one = self.record
        if one is None:
            return
        last = self.context.runs.last
        other = last.record(self.compared) if last and self.compared else None
        if other is not None:
            views = [self._view(record.id) for record in (one, other)]
            self.board.compare_runs(one, other, views)
        else:
            stopping = self.context.runs.is_stopping(one.id)
            self.board.show_run(one, self._view(one.id), stopping=stopping)
            self._show_below(one)
        self.show_status()

    def _show_below(self, record: RunRecord) -> None:
        """Show the outcome, the log or the settings of a run below its curves."""
        shown = self._shown_below(record)
        if shown is Below.LOG:
            text = train_text.log_text(self._view(record.id))
        elif shown is Below.SETTINGS:
            text = train_text.settings_text(record.config)
        else:
            text = self._outcome(record)
        self.board.show_below(shown, self.key_of("train.shown"), text)

    def _outcome(self, record: RunRecord) -> Content:
        last, monitor = self.context.runs.last, self.context.runs
        waiting = ""
        if monitor.evaluating == record.id:
            waiting = f"evaluating: {self._job_text()}"
        elif last is not None and record.id not in last.outcomes:
            waiting = "reading its evaluations …"
        outcomes = last.outcomes.get(record.id, ()) if last else ()
        keys = {name: self.key_of(f"train.{name}") for name in ("misses", "evaluate")}
        return train_text.outcome_text(outcomes, record, waiting, keys)

    def _shown_below(self, record: RunRecord) -> Below:
        """Return the text below the curves: as chosen, else the one that matters most."""
        if self.below is not None:
            return self.below
        return Below.OUTCOME if record.status.value == "finished" else Below.LOG

    def _job_text(self) -> str:
        job = self.context.runs.job
        return _running_text(job) if job else ""

    def show_status(self) -> None:
        """Show what is under way before the message: a new run, then evaluations."""
        if self.preparing is not None:
            words = f"preparing the run: {_running_text(self.preparing)}"
        elif self.context.runs.job is not None:
            run = train_text.short_id(self.context.runs.evaluating)
            words = f"evaluating {run}: {self._job_text()}"
        else:
            self.board.say(self.message, Content())
            return
        self.board.say(
            Content.assemble((displayable_line(words), "bold"), ("  esc stops", DIM)), self.message
        )

    def _tick(self) -> None:
        self.form_pane.show_progress()
        if self.preparing is not None or self.context.runs.job is not None:
            self.show_status()
            record = self.record
            if record is not None and not self.board.forming and not self.compared:
                self._show_below(record)

    def _run_cells(self, index: int, line: int, width: int) -> Sequence[Cell]:
        record, last = self.records[index], self.context.runs.last
        gone = last is not None and record.id in last.runs.gone
        compared = record.id == self.compared
        return train_text.run_cells(record, line, width, gone=gone, compared=compared)

    def action_new_run(self) -> None:
        """Show the form of a new run."""
        store = self.context.store
        if store is not None:
            self.board.show_form(True)
            self.form_pane.open(store, self.key_of("train.start"))

    def _close_form(self) -> None:
        self.board.stop_asking()
        self.board.show_form(False)
        self.runs_seen(None)

    def action_open(self) -> None:
        """Change the field under the cursor, or start; of a run show another text below."""
        if not self.board.forming:
            self.action_next_shown()
        elif not self.form_pane.change():
            self.action_start_run()

    def action_start_run(self) -> None:
        """Prepare the run of the form, and start it."""
        from core.encoder.blas import slowness

        store = self.context.store
        if store is None or not self.board.forming:
            return
        if self.preparing is not None:
            self.say(("a run is being prepared; ", "bold"), "escape stops it")
            return
        if warning := slowness():
            self.notify(warning, title="slow", severity="warning", timeout=30, markup=False)
        config, plan = self.form_pane.form.config, self.form_pane.form.plan

        def prepare(running: Running) -> RunFolder:
            from train.runs.making import make_run
            from train.runs.process import launch

            folder, _ = make_run(store, config, plan, running.job)
            launch(folder)
            return folder

        self.preparing = self.context.background.run(prepare, self._started, self._not_started)
        self.show_status()

    def _started(self, folder: RunFolder) -> None:
        """Show the new run, unless the person is typing in the form."""
        self.preparing = None
        name = folder.path.name
        if not self.board.asking:
            self.compared, self.below, self.chosen = "", None, name
            self._close_form()
        self.say(
            ("started: ", "bold $text-success"), name, ("; closing rejudge does not stop it", DIM)
        )
        self._read()

    def _not_started(self, error: RejudgeError) -> None:
        self.preparing = None
        if isinstance(error, CancelledError):
            self.say(("stopped; no run was made", "bold"))
            return
        self.say(("not started: ", "bold $text-error"), displayable_line(error.what))
        self.context.show_error(error)

    def action_stop_run(self) -> None:
        """Ask the chosen run to stop."""
        store, record = self.context.store, self.record
        if store is None or record is None or self.board.forming:
            return
        if not record.status.going:
            self.say(("nothing to stop: ", "bold"), f"the run is {record.status.value}")
        elif self.context.runs.is_stopping(record.id):
            self.say(("already stopping: ", "bold"), "the run finishes its step first")
        else:
            self.context.runs.stop(store, record.id)
            self.say(("stopping: ", "bold"), "the run finishes its step and writes a checkpoint")
            self._show_run()

    def action_resume_run(self) -> None:
        """Resume the chosen run."""
        store, record = self.context.store, self.record
        if store is None or record is None or self.board.forming:
            return
        if self._view(record.id) is None:
            self.say(("nothing to resume: ", "bold"), "the run's folder is gone")
        elif not record.status.resumable:
            self.say(("nothing to resume: ", "bold"), f"the run is {record.status.value}")
        else:
            self.context.runs.resume(store, record.id)
            self.say(("resumed ", "bold $text-success"), "from its last checkpoint")

    def action_compare(self) -> None:
        """Compare with the next run; after the last, with none."""
        others = [record.id for record in self.records if record.id != self.chosen]
        if self.board.forming or not self.chosen:
            return
        if not others:
            self.say(("nothing to compare with: ", "bold"), "there is no other run")
            return
        place = others.index(self.compared) + 1 if self.compared in others else 0
        self.compared = others[place] if place < len(others) else ""
        self._show_run()
        self._read()

    def action_show_misses(self) -> None:
        """Go to the misses of the trained encoder, beside those of its base model."""
        last = self.context.runs.last
        outcomes = last.outcomes.get(self.chosen, ()) if last else ()
        if not outcomes:
            self.say(("no misses yet: ", "bold"), "the run is not evaluated")
            return
        after, before = outcomes[0].after.summary.id, outcomes[0].before.summary.id
        self.post_message(ShowScreen("misses", CompareEvals(after, before)))

    def action_copy_command(self) -> None:
        """Copy the command that starts the same run: of the form, or of the chosen run."""
        from train.options import command_line

        if self.board.forming:
            self._copied(command_line(self.form_pane.form.config, self.form_pane.form.plan))
            return
        record = self.record
        view = self._view(record.id) if record else None
        if record is None or view is None:
            self.say(("nothing to copy: ", "bold"), "no run is chosen, or its folder is gone")
            return

        def line() -> str:
            from train.runs.making import plan_of_run

            return command_line(record.config, plan_of_run(view.folder))

        self.context.background.start(line, self._copied)

    def _copied(self, line: str) -> None:
        self.app.copy_to_clipboard(line)
        self.say(("copied: ", "bold $text-success"), displayable_line(line))

    def action_evaluate(self) -> None:
        """Evaluate the chosen run, where that is still missing."""
        store, record, last = self.context.store, self.record, self.context.runs.last
        if store is None or record is None or last is None or self.board.forming:
            return
        if self.context.runs.job is not None:
            self.say(("a run is being evaluated; ", "bold"), "escape stops it")
        elif record in last.due:
            self.context.runs.evaluate(store, record)
            self._show_run()
        elif record.status.value != "finished":
            self.say(("nothing to evaluate yet: ", "bold"), f"the run is {record.status.value}")
        else:
            self.say(("nothing to evaluate: ", "bold"), "all of its specs are evaluated")

    def action_next_shown(self) -> None:
        """Show another text below the curves."""
        record = self.record
        if record is None or self.board.forming:
            return
        order = list(Below)
        self.below = order[(order.index(self._shown_below(record)) + 1) % len(order)]
        self._show_run()

    def action_go(self, move: str) -> None:
        """Move the cursor."""
        if self.board.forming:
            self.form_pane.move(move)
        elif self.records:
            self.board.runs.move(move)
            self._choose(self.records[self.board.runs.cursor].id)

    def action_scroll_below(self, direction: int) -> None:
        """Scroll the text below the curves, or the training set of the form."""
        if self.board.forming:
            self.form_pane.scroll_set(direction)
        else:
            self.board.scroll_below(direction)

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        """Follow the mouse."""
        if event.rows is self.form_pane.fields:
            self.form_pane.show_chosen()
        elif self.records:
            name = self.records[event.rows.cursor].id
            if self.board.forming:
                self._close_form()
            self._choose(name)

    def action_leave(self) -> None:
        """Stop the preparing; else close the form or the comparison, stop evals, or go home."""
        job = self.context.runs.job
        if self.preparing is not None:
            self.preparing.stop()
        elif self.board.forming:
            self._close_form()
        elif self.compared:
            self.compared = ""
            self._show_run()
        elif job is not None and not job.stopping:
            job.stop()
            self.show_status()
        else:
            self.post_message(ShowScreen("home"))


def _running_text(running: Running) -> str:
    if running.stopping:
        return "stopping …"
    progress = running.progress
    return progress_text(progress, running.seconds) if progress else "starting …"
