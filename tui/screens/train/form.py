"""The form of a new training run, with the training set that it would have."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from core.errors import CancelledError, InputError, RejudgeError
from core.text import displayable_line
from tui.run_form import FIELDS, RunForm
from tui.shown import train as train_text
from tui.shown.evals import progress_text
from tui.widgets.lists import RowList
from tui.widgets.text import Pane, SplitLine
from tui.words import DIM, STRONG

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.app import ComposeResult

    from core.store.database import Store
    from train.dataset.records import TrainingSetPlan
    from train.dataset.summary import TrainingSetSummary
    from tui.context import Context
    from tui.jobs import Running
    from tui.widgets.lists import Cell

    #: Asks for a line: name, text, hint, and what takes the answer.
    Ask = Callable[[str, str, str, Callable[[str], None]], None]

_START_EXPLAINED = (
    "writes the training set and the settings to a run folder, then trains in its own process;"
    " closing rejudge does not stop it"
)
_SCROLLED = 4


@dataclass(frozen=True, slots=True)
class _Counted:
    """A training set in figures; ``problem`` says why it cannot be trained on, if so."""

    summary: TrainingSetSummary
    problem: str


class FormPane(Vertical):
    """The fields of a run, each explained; the training set is counted when a field changes it.

    Attributes:
        form: the run's settings; a value that cannot be used is never taken.
    """

    DEFAULT_CSS = """
    FormPane {
        display: none;
        width: 1fr;
        & #form-head, & #set-head { height: 1; background: $panel; }
        & #fields { height: 13; }
        & #explanation { height: 2; padding: 0 1; color: $foreground 60%; }
        & #set {
            height: 1fr;
            padding: 0 1;
            scrollbar-size: 0 1;
            scrollbar-background: $surface;
            scrollbar-color: $foreground 25%;
        }
        & #set > Static { height: auto; }
    }
    """

    def __init__(self, context: Context, ask: Ask) -> None:
        super().__init__(id="form")
        self.form = RunForm()
        self.fields = RowList(self._cells, id="fields")
        self.fields.count = len(FIELDS) + 1
        self._held = context
        self._ask = ask
        self._counting: Running | None = None
        self._counted: TrainingSetPlan | None = None
        self._head = SplitLine(id="form-head")
        self._explanation = Pane(id="explanation")
        self._set_head = SplitLine(id="set-head")
        self._set = Static()
        self._scroll = VerticalScroll(self._set, id="set", can_focus=False)

    def compose(self) -> ComposeResult:
        """Lay out fields, explanation and training set."""
        yield self._head
        yield self.fields
        yield self._explanation
        yield self._set_head
        yield self._scroll

    def open(self, store: Store, start_key: str) -> None:
        """Show the form with the settings that it had last."""
        hint = f"enter changes · {start_key} starts "
        self._head.show(Content.assemble((" new run", STRONG)), Content.assemble((hint, DIM)))
        self.fields.activate(True)
        self._show()

        def names() -> tuple[str, ...]:
            from tui.run_form import all_specs

            return all_specs(store)

        self._held.background.start(names, self._with_specs)

    def _with_specs(self, names: tuple[str, ...]) -> None:
        fresh = not self.form.known_specs
        self.form = replace(self.form, known_specs=names)
        if fresh and names:
            self.form = self.form.put("specs", ", ".join(names))
        self._changed()

    def change(self) -> bool:
        """Change the field under the cursor; return False on the line that starts the run."""
        place = self.fields.cursor
        if place >= len(FIELDS):
            return False
        field = FIELDS[place]
        if field.choices:
            self.form = self.form.next_choice(field.name)
            self._changed()
            return True
        text = displayable_line(self.form.text(field.name))
        hint = "enter changes the field · escape leaves it as it was"
        self._ask(field.label, text, hint, lambda text: self._put(field.name, text))
        return True

    def _put(self, name: str, text: str) -> None:
        self.form = self.form.put(name, text)
        self._changed()

    def move(self, move: str) -> None:
        """Move the cursor."""
        self.fields.move(move)
        self._show()

    def scroll_set(self, direction: int) -> None:
        """Scroll the training set."""
        self._scroll.scroll_relative(y=_SCROLLED * direction, animate=False)

    def show_chosen(self) -> None:
        """Explain the field that was clicked."""
        self._show()

    def show_progress(self) -> None:
        """Show how far the counting of the training set is."""
        counting = self._counting
        if counting is not None:
            progress = counting.progress
            words = progress_text(progress, counting.seconds) if progress else ""
            self._set_head.show(
                Content.assemble((" training set", STRONG), (f"  counting … {words}", DIM))
            )

    def _cells(self, index: int, _: int, width: int) -> Sequence[Cell]:
        field = FIELDS[index] if index < len(FIELDS) else None
        return train_text.field_cells(field, self.form, width)

    def _changed(self) -> None:
        self._show()
        self._count()

    def _show(self) -> None:
        place = self.fields.cursor
        self.fields.show(len(FIELDS) + 1, place)
        text = FIELDS[place].help if place < len(FIELDS) else _START_EXPLAINED
        self._explanation.show(lambda _: Content.assemble((text, DIM)))

    def _count(self) -> None:
        """Count what the form's plan would train on, in place of any count under way."""
        store, plan = self._held.store, self.form.plan
        if store is None or self._counted == plan:
            return
        if self._counting is not None:
            self._counting.stop()
        self._counted = plan

        def done(counted: _Counted) -> None:
            if self._counting is counting:
                self._counting = None
                self._set_head.show(Content.assemble((" training set", STRONG)))
                self._set.update(train_text.training_set_text(counted.summary, counted.problem))

        def failed(error: RejudgeError) -> None:
            if self._counting is counting and not isinstance(error, CancelledError):
                self._counting = self._counted = None
                text = f"✗ {displayable_line(str(error))}"
                self._set.update(Content.assemble((text, "$text-error")))

        counting = self._counting = self._held.background.run(
            lambda running: _count(store, plan, running), done, failed
        )
        self.show_progress()


def _count(store: Store, plan: TrainingSetPlan, running: Running) -> _Counted:
    from train.dataset.building import build_training_set
    from train.dataset.enough import require_enough

    _, summary = build_training_set(store, plan, running.job)
    try:
        require_enough(summary)
    except InputError as error:
        return _Counted(summary, str(error))
    return _Counted(summary, "")
