"""The prompt workshop: edit a judge's rubric, try it on audited pairs, compare, save."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Static, TextArea

from core.errors import InputError, RejudgeError
from core.records import Progress
from core.text import displayable, displayable_line
from tui.commands import WORKSHOP, bindings_of
from tui.screens.base import ShowScreen, WorkspaceScreen
from tui.shown.evals import progress_text
from tui.widgets.board import Board
from tui.widgets.text import SplitLine
from tui.words import BRAND, DIM, error_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.app import ComposeResult
    from textual.events import Paste
    from textual.widget import Widget

    from core.records import Judge
    from labels.judges.judge import JudgingProgress
    from labels.judges.prompt import JudgePrompt
    from labels.workshop.trials import Trial, TrialResult
    from tui.context import Context
    from tui.jobs import Running


_TRY_HINT: Final = (
    "MODEL as:NAME sample:50 examples:4 at:URL against:JUDGE; enter shows the cost, and asks the"
    " model nothing yet"
)
_SAVE_HINT: Final = "a short name; earlier versions of that name are kept"
_INTRODUCTION: Final = """\
Edit the rubric here. How to reply, and that code is data, is added after it.

ctrl+r tries it on pairs that people graded. It shows the cost first; then how far the new version \
and the old judge agree with people on the same labels, and which pairs changed.
"""
_STATUS_PERIOD: Final = 0.2


class RubricArea(TextArea):
    """A plain text area; control characters of pasted text are made visible."""

    def show(self, text: str) -> None:
        """Show another text, without the undo history."""
        self.load_text(displayable(text))

    def on_paste(self, event: Paste) -> None:
        """Take pasted text with its control characters made visible."""
        event.prevent_default()
        event.stop()
        self.replace(displayable(event.text), *self.selection, maintain_selection_offset=False)


class WorkshopBoard(Board):
    """The rubric, and beside or below it what the last trial found."""

    SCOPED_CSS = False  # the screen carries -wide
    DEFAULT_CSS = """
    WorkshopBoard {
        height: 1fr;
        & #bench { height: 1fr; layout: vertical; }
        & RubricArea, & RubricArea:focus { border: none; }
        & RubricArea { height: 1fr; width: 1fr; padding: 0 1; }
        & #result-scroll { height: 1fr; width: 1fr; padding: 0 1; border-top: solid $panel; }
        & #status { height: 1; padding: 0 1; background: $surface; }
    }
    .-wide WorkshopBoard {
        & #bench { layout: horizontal; }
        & #result-scroll { border-top: none; border-left: solid $panel; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self.rubric = RubricArea(id="rubric", soft_wrap=True, show_line_numbers=False)
        self._result = Static(id="result")

    def compose(self) -> ComposeResult:
        """Lay out rubric, result and status line."""
        result = VerticalScroll(self._result, id="result-scroll", can_focus=True)
        yield Horizontal(self.rubric, result, id="bench")
        yield self.status

    def show_result(self, content: Content) -> None:
        """Show another text beside the rubric."""
        self._result.update(content)


class WorkshopScreen(WorkspaceScreen):
    """Edits a rubric and tries it.

    Attributes:
        job: the trial under way; None: there is none.
        trial: the trial prepared last; its request is offered again.
        result: what the last trial found.
    """

    SECTION = WORKSHOP
    TYPING = True
    BINDINGS = bindings_of(WORKSHOP)
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012 - as Textual declares it

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.job: Running | None = None
        self.trial: Trial | None = None
        self.result: TrialResult | None = None
        self._version = ""
        self._model = ""
        self._cost_shown = False
        self.board = WorkshopBoard()

    def body(self) -> Iterable[Widget]:
        """Return the board."""
        yield self.board

    def begin(self) -> None:
        """Show what the screen is for."""
        title = Content.assemble(BRAND, "  ", ("prompt workshop", "bold"))
        self.query_one("#top", SplitLine).show(title)
        self.board.show_result(Content(_INTRODUCTION))
        self._clock = self.set_interval(_STATUS_PERIOD, self.show_status, pause=True)

    def store_opened(self) -> None:
        """Read the prompt saved last, or the one that comes with rejudge."""
        if self.context.store_error is not None:
            self.board.show_result(error_text(self.context.store_error))
        if self.context.store is not None and not self.rubric.text:
            self._open("")

    @property
    def rubric(self) -> RubricArea:
        """The rubric being edited."""
        return self.board.rubric

    def show_status(self) -> None:
        """Show a trial under way, else the message."""
        job = self.job
        if job is None:
            self.board.say(self.message, Content())
        elif job.stopping:
            self.board.say(Content.assemble(("stopping; scores so far are kept", DIM)), Content())
        else:
            words = progress_text(job.progress, job.seconds) if job.progress else "asking …"
            self.board.say(Content.assemble((words, "bold"), ("  esc stops", DIM)), Content())

    def action_try(self) -> None:
        """Ask with which model and on which pairs."""
        if self.job is not None:
            self.say(("a trial is running; ", "bold $text-warning"), "escape stops it")
            return
        request = self.trial.request if self.trial else None
        model = request.model if request else self._model or "MODEL"
        rest = f"as:{self._version or 'new'}"
        if request and request.sample:
            rest += f" sample:{request.sample}"
        if request and request.examples:
            rest += f" examples:{request.examples}"
        if request and request.address:
            rest += f" at:{request.address}"
        if request and request.against:
            rest += f" against:{request.against}"
        self.board.ask("try", displayable_line(f"{model} {rest}"), _TRY_HINT, self._prepare)

    def _prepare(self, text: str) -> None:
        """Count the cost, and ask whether to spend it."""
        from labels.workshop.trials import parse_trial, prepare_trial

        store, rubric = self.context.store, self.rubric.text
        if store is None:
            return
        request = parse_trial(text)
        self._cost_shown = False
        self.board.ask("cost", "", "counting …", self._spend)
        question = self.board.prompt.question

        def prepared(trial: Trial) -> None:
            if self.board.prompt.question is question:
                self._show_cost(trial)

        def failed(error: RejudgeError) -> None:
            if self.board.prompt.question is question:
                self.board.stop_asking()
            self._failed(error)

        self.context.background.start(
            lambda: prepare_trial(store, request, rubric), prepared, failed
        )

    def _show_cost(self, trial: Trial) -> None:
        from tui.shown.agreement import cost_lines

        self.trial = trial
        lines = cost_lines(trial.new, trial.cost)
        server = displayable_line(trial.server.shown)
        self.board.show_result(Content("\n".join([*lines, f"at {server}"])))
        self.board.prompt.show_hint(f"{lines[1]}; enter asks the model, escape cancels")
        self.call_after_refresh(self._cost_painted)

    def _cost_painted(self) -> None:
        self._cost_shown = True

    def _spend(self, _: str) -> None:
        if not self._cost_shown:
            raise InputError("the cost is being counted", todo="Wait, or press escape to cancel.")
        self._run()

    def _run(self) -> None:
        store, trial = self.context.store, self.trial
        if store is None or trial is None:
            return

        def run(running: Running) -> TrialResult:
            from labels.workshop.trials import run_trial

            def report(now: JudgingProgress) -> None:
                tokens = now.prompt_tokens + now.completion_tokens
                running.report(Progress(now.done, now.total, f"pairs, {tokens:,} tokens"))

            return run_trial(store, trial, progress=report, cancelled=running.stopped)

        self.job = self.context.background.run(run, self._done, self._failed)
        self._clock.resume()
        self.show_status()

    def _done(self, result: TrialResult) -> None:
        from tui.shown.agreement import comparison_lines, cost_lines

        self._end_job()
        self.result = result
        report = result.report
        self._version = report.judge.name.rpartition("/")[2]
        rest = cost_lines(report.judge, result.rest)
        lines = [*comparison_lines(result.comparison), "", "to judge all other pairs:", *rest]
        lines += [displayable_line(notice) for notice in report.notices]
        self.board.show_result(Content("\n".join(lines)))
        stopped = ", stopped" if report.cancelled else ""
        words = f"{report.judged:,} judged, {report.failed:,} failed{stopped}"
        self.say((words, "bold $text-success"))

    def _failed(self, error: RejudgeError) -> None:
        self._end_job()
        self.say()
        self.board.show_result(error_text(error))

    def _end_job(self) -> None:
        self.job = None
        self._clock.pause()

    def action_save(self) -> None:
        """Ask under which name to save the rubric."""
        self.board.ask("save", displayable_line(self._version), _SAVE_HINT, self._save)

    def _save(self, text: str) -> None:
        from labels.judges.prompt import checked_rubric
        from labels.workshop.prompts import checked_name, save_prompt

        store = self.context.store
        if store is None:
            return
        name, rubric = checked_name(text), checked_rubric(self.rubric.text)
        examples = self.trial.request.examples if self.trial else 0

        def saved(prompt: JudgePrompt) -> None:
            self._version = prompt.name
            self.say(("saved: ", "bold $text-success"), displayable_line(prompt.name))

        self.context.background.start(
            lambda: save_prompt(store, name, rubric, examples=examples), saved, self._failed
        )

    def action_open(self) -> None:
        """Ask which version to open; their names are read meanwhile."""
        store = self.context.store
        if store is None:
            return
        self.board.ask("open", "", "reading the versions …", lambda text: self._open(text.strip()))
        question = self.board.prompt.question

        def read() -> tuple[str, ...]:
            from labels.workshop.prompts import DEFAULT_NAME, saved_prompts

            return (DEFAULT_NAME, *(one.name for one in saved_prompts(store)))

        def offer(names: tuple[str, ...]) -> None:
            if self.board.prompt.question is question:
                others = [name for name in names if name != self._version]
                hint = f"versions: {', '.join(names)}"
                self.board.prompt.show_hint(displayable_line(hint))
                self.board.prompt.put(displayable_line(others[0] if others else names[0]))

        self.context.background.start(read, offer)

    def _open(self, name: str) -> None:
        """Open a version; without a name the one saved last."""
        store = self.context.store
        if store is None:
            return

        def read() -> tuple[JudgePrompt, Judge | None]:
            from labels.judges.choosing import audited_judge
            from labels.workshop.prompts import DEFAULT_NAME, load_prompt, saved_prompts

            saved = saved_prompts(store)
            chosen = name or (saved[0].name if saved else DEFAULT_NAME)
            return load_prompt(store, chosen), audited_judge(store)

        def opened(found: tuple[JudgePrompt, Judge | None]) -> None:
            prompt, judge = found
            self._version = prompt.name
            self._model = judge.model if judge else ""
            self.rubric.show(prompt.rubric)
            if not self.board.asking:
                self.rubric.focus()
            self.say((displayable_line(prompt.name or "default"), "bold"), (" opened", DIM))

        self.context.background.start(read, opened, self._failed)

    def action_leave(self) -> None:
        """Stop a running trial; else go home."""
        if self.job is not None:
            self.job.stop()
            self.show_status()
        else:
            self.post_message(ShowScreen("home"))
