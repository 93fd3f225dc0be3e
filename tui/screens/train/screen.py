"""Train: runs watched, stopped, resumed and compared, and a new one set up and started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from core.errors import CancelledError, RejudgeError
from core.text import displayable_line
from tui.commands import TRAIN, bindings_of
from tui.jobs import Counting, Preparing
from tui.run_form import FIELDS, RunForm
from tui.screens.train.run import Below, RunScreen
from tui.shown import train as train_text
from tui.shown.evals import progress_text
from tui.words import DIM, STRONG

if TYPE_CHECKING:
    from collections.abc import Sequence

    from train.runs.folder import RunFolder
    from tui.jobs import Counted
    from tui.widgets.bars import Prompt
    from tui.widgets.lists import Cell, RowList


_LOOK_AGAIN = 0.2


class TrainScreen(RunScreen):
    """What the keys do about the runs, and the form of a new one."""

    BINDINGS = bindings_of(TRAIN)

    def __init__(self) -> None:
        super().__init__()
        self.form = RunForm()
        self.counting: Counting | None = None
        self.preparing: Preparing | None = None
        self._counted_plan: object = None

    def on_mount(self) -> None:
        """Look at what is under way now and then."""
        super().on_mount()
        self._clock = self.set_interval(_LOOK_AGAIN, self._tick)

    @property
    def forming(self) -> bool:
        """Whether the form is in sight."""
        return self.board.has_class("-forming")

    def action_new_run(self) -> None:
        """Show the form of a new run, with the settings that it had last."""
        store = self.desk.store
        if store is None:
            return
        self.board.remove_class("-ended")
        self.board.add_class("-forming")
        self.board.form_head.show(
            Content.assemble((" a new run", STRONG)),
            Content.assemble((f"enter changes · {self.key_of('train.start')} starts ", DIM)),
        )
        self.board.runs.activate(False)
        self.board.fields.activate(True)

        def names() -> tuple[str, ...]:
            from tui.run_form import all_specs

            return all_specs(store)

        self.desk.background.start(names, self._with_specs)

    def _with_specs(self, names: tuple[str, ...]) -> None:
        from dataclasses import replace

        fresh = not self.form.known_specs
        self.form = replace(self.form, known_specs=names)
        if fresh and names:
            self.form = self.form.put("specs", ", ".join(names))
        self._show_form()
        self._count()

    def _show_form(self) -> None:
        fields = self.board.fields
        fields.show(len(FIELDS) + 1, fields.cursor)
        place = fields.cursor
        text = (
            FIELDS[place].help
            if place < len(FIELDS)
            else "writes the training set and the settings to a folder of its own, then trains in"
            " a process of its own; closing rejudge leaves it going"
        )
        self.board.explanation.show(lambda _: Content.assemble((text, DIM)))

    def field_cells(self, index: int, line: int, width: int) -> Sequence[Cell]:
        """Return a line of the form."""
        del line
        field = FIELDS[index] if index < len(FIELDS) else None
        return train_text.field_cells(field, self.form, width)

    def _count(self) -> None:
        """Count what the form's plan would train on, in place of any count under way."""
        store = self.desk.store
        if store is None or self._counted_plan == self.form.plan:
            return
        if self.counting is not None:
            self.counting.stop()
        background = self.desk.background
        plan = self._counted_plan = self.form.plan
        counting = self.counting = Counting(plan, lambda: background.closing)
        self._show_counting()

        def done(counted: Counted) -> None:
            if self.counting is counting:
                self.counting = None
                self.board.set_head.show(Content.assemble((" training set", STRONG)))
                text = train_text.training_set_text(counted.summary, counted.problem)
                self.board.show_training_set(text)

        def failed(error: RejudgeError) -> None:
            if self.counting is counting and not isinstance(error, CancelledError):
                self.counting = self._counted_plan = None
                self.board.show_training_set(
                    Content.assemble((f"✗ {displayable_line(str(error))}", "$text-error"))
                )

        background.start(lambda: counting.run(store), done, failed)

    def _show_counting(self) -> None:
        counting = self.counting
        if counting is None:
            return
        progress = counting.progress
        words = progress_text(progress, counting.seconds) if progress else ""
        self.board.set_head.show(
            Content.assemble((" training set", STRONG), (f"  counting … {words}", DIM))
        )

    def action_open(self) -> None:
        """Change the field under the cursor, or start; of a run show something else below."""
        if not self.forming:
            self.action_next_shown()
            return
        place = self.board.fields.cursor
        if place >= len(FIELDS):
            self.action_start_run()
            return
        field = FIELDS[place]
        if field.choices:
            self.form = self.form.next_choice(field.name)
            self._changed()
        else:
            from tui.widgets.bars import Prompt

            text = displayable_line(self.form.text(field.name))
            self.board.ask(Prompt(field.label, text, "enter takes it · esc leaves it as it was"))

    def _changed(self) -> None:
        self._show_form()
        self._count()

    def on_prompt_left(self) -> None:
        """Leave the field as it was."""
        self.board.stop_asking()

    def on_prompt_given(self, event: Prompt.Given) -> None:
        """Put what was typed into its field, if it can be."""
        field = next(each for each in FIELDS if each.label == event.prompt.name)
        try:
            self.form = self.form.put(field.name, event.text)
        except RejudgeError as error:
            self.board.refuse(displayable_line(f"{error.headline}. {error.todo}"))
            return
        self.board.stop_asking()
        self._changed()

    def action_start_run(self) -> None:
        """Prepare the run that the form describes, and start it."""
        store = self.desk.store
        if store is None or not self.forming:
            return
        if self.preparing is not None:
            self.say(("a run is being prepared already; ", "bold"), "escape stops it")
            return
        background = self.desk.background
        preparing = Preparing(self.form.config, self.form.plan, lambda: background.closing)
        self.preparing = preparing
        self.show_status()
        background.start(lambda: preparing.run(store), self._started, self._not_started)

    def _started(self, folder: RunFolder) -> None:
        from core.encoder.blas import slowness

        self.preparing = None
        self.compared, self.below = "", None
        self.chosen = folder.path.name
        self._leave_form()
        self.say(
            ("on its way: ", "bold $text-success"),
            (folder.path.name, ""),
            ("; closing rejudge leaves it going", DIM),
        )
        if warning := slowness():
            self.app.notify(warning, title="slow", severity="warning", timeout=30, markup=False)
        self.want()

    def _not_started(self, error: RejudgeError) -> None:
        self.preparing = None
        if isinstance(error, CancelledError):
            self.say(("stopped; no run was made", "bold"))
            return
        self.say(("not started: ", "bold $text-error"), displayable_line(error.what))
        self.desk.show_error(error)

    def _leave_form(self) -> None:
        self.board.stop_asking()
        self.board.remove_class("-forming")
        self.board.runs.activate(True)
        if not self.records:
            self.runs_seen(None)

    def action_stop_run(self) -> None:
        """Ask the chosen run to stop."""
        store, record = self.desk.store, self.record
        if store is None or record is None or self.forming:
            return
        if not record.status.going:
            self.say(("nothing to stop: ", "bold"), f"the run is {record.status.value}")
        elif self.follower.is_stopping(record.id):
            self.say(("it is stopping: ", "bold"), "the step at hand is finished first")
        else:
            self.follower.stop(store, record.id)
            self.say(("stopping: ", "bold"), "it finishes its step and writes a checkpoint")
            self.show_run()

    def action_resume_run(self) -> None:
        """Go on with the chosen run."""
        store, record = self.desk.store, self.record
        if store is None or record is None or self.forming:
            return
        if not record.status.resumable or self.look is None:
            why = record.status.value if self.look else "gone from its folder"
            self.say(("nothing to resume: ", "bold"), f"the run is {why}")
            return
        self.follower.resume(store, record.id)
        self.say(("resumed: ", "bold $text-success"), "it goes on after its last checkpoint")

    def action_compare(self) -> None:
        """Compare with the next of the other runs, after the last with none."""
        others = [record.id for record in self.records if record.id != self.chosen]
        if self.forming or not self.chosen:
            return
        if not others:
            self.say(("nothing to compare with: ", "bold"), "there is no other run")
            return
        place = others.index(self.compared) + 1 if self.compared in others else 0
        self.compared = others[place] if place < len(others) else ""
        self.show_run()
        self.want()

    async def action_show_misses(self) -> None:
        """Go to what the trained encoder misses, beside its base."""
        seen = self.follower.last
        changed = seen.outcomes.get(self.chosen, ()) if seen else ()
        if not changed:
            self.say(("no misses to show yet: ", "bold"), "the run is not evaluated")
            return
        from tui.screens.misses.query import QueryScreen

        await self.desk.action_show_misses()
        screen = self.desk.screen
        if isinstance(screen, QueryScreen):
            screen.show_eval(changed[0].after.summary.id, changed[0].before.summary.id)

    def action_copy_command(self) -> None:
        """Copy the command that starts the same run: of the form, or of the chosen run."""
        from train.options import command_line

        if self.forming:
            self._copied(command_line(self.form.config, self.form.plan))
            return
        record, look = self.record, self.look
        if record is None or look is None:
            self.say(("nothing to copy: ", "bold"), "no run is chosen, or its folder is gone")
            return

        def line() -> str:
            from train.runs.making import plan_of_run

            return command_line(record.config, plan_of_run(look.folder))

        self.desk.background.start(line, self._copied)

    def _copied(self, line: str) -> None:
        self.app.copy_to_clipboard(line)
        self.say(("copied: ", "bold $text-success"), displayable_line(line))

    def action_evaluate(self) -> None:
        """Evaluate the chosen run, where that is still to be done."""
        store, record, seen = self.desk.store, self.record, self.follower.last
        if store is None or record is None or seen is None or self.forming:
            return
        if self.follower.job is not None:
            self.say(("a run is being evaluated already; ", "bold"), "escape stops it")
        elif record in seen.due:
            self.follower.evaluate(store, record)
            self.show_run()
        elif record.status.value != "finished":
            self.say(("nothing to evaluate yet: ", "bold"), f"the run is {record.status.value}")
        else:
            self.say(("nothing to evaluate: ", "bold"), "all of its specs are evaluated")

    def action_next_shown(self) -> None:
        """Show something else under the curves."""
        record = self.record
        if record is None or self.forming:
            return
        order = list(Below)
        shown = self.shown_below(record)
        self.below = order[(order.index(shown) + 1) % len(order)]
        self.show_run()

    def action_go(self, move: str) -> None:
        """Move the cursor."""
        if self.forming:
            self.board.fields.move(move)
            self._show_form()
        elif self.records:
            self.board.runs.move(move)
            self.choose(self.records[self.board.runs.cursor].id)

    def action_scroll_below(self, direction: int) -> None:
        """Scroll the text under the curves or under the form."""
        self.board.scroll_below(direction)

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        """Follow the mouse."""
        if event.rows is self.board.fields:
            self._show_form()
        elif self.records:
            if self.forming:
                self._leave_form()
            self.choose(self.records[event.rows.cursor].id)

    async def action_leave(self) -> None:
        """Stop what is prepared, leave form or comparison, stop evals; else go home."""
        job = self.follower.job
        if self.preparing is not None:
            self.preparing.stop()
        elif self.forming:
            self._leave_form()
            self.show_run()
        elif self.compared:
            self.compared = ""
            self.show_run()
        elif job is not None and not job.stopping:
            job.stop()
            self.show_status()
        else:
            await self.desk.action_show_home()

    def show_status(self) -> None:
        """Show a run being prepared before all else."""
        preparing = self.preparing
        if preparing is None:
            super().show_status()
            return
        progress = preparing.progress
        words = progress_text(progress, preparing.seconds) if progress else "starting …"
        if preparing.stopping:
            words = "stopping …"
        self.board.say(
            Content.assemble((f"preparing the run: {words}", "bold"), ("  esc stops", DIM)),
            self.message,
        )

    def _tick(self) -> None:
        if self.counting is not None:
            self._show_counting()
        if self.preparing is not None or self.follower.job is not None:
            self.show_status()
            record = self.record
            if record is not None and not self.forming and not self.compared:
                self.show_below(record, self.look)
