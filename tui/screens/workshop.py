"""The prompt workshop: a rubric, edited, tried on audited pairs, compared, saved.

A field for a rubric: plain text without highlighting, and nothing that a terminal acts on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Static, TextArea

from core.errors import RejudgeError
from core.text import displayable, displayable_line
from tui.commands import WORKSHOP, bindings_of
from tui.screens.base import WorkspaceScreen
from tui.widgets.bars import Prompt
from tui.widgets.lists import SplitLine
from tui.words import BRAND, DIM, error_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.events import Paste
    from textual.widget import Widget

    from core.records import Judge
    from labels.judges.prompt import JudgePrompt
    from labels.workshop.trials import Trial, TrialResult
    from tui.jobs import TrialJob
    from tui.words import Part


class RubricArea(TextArea):
    """A text area whose pasted text is made safe to show before it is taken."""

    def show(self, text: str) -> None:
        """Swap in another text, undo history and all."""
        self.load_text(displayable(text))

    def on_paste(self, event: Paste) -> None:
        """Take pasted text with its control characters made visible."""
        event.prevent_default()
        event.stop()
        self.replace(displayable(event.text), *self.selection, maintain_selection_offset=False)


_TRY_HINT = (
    "MODEL as:NAME sample:50 examples:4 at:URL against:JUDGE; enter tells the cost, nothing is"
    " asked yet"
)
_INTRODUCTION = """\
The rubric is yours to change; that code is data, and how to reply, is added after it.

ctrl+r tries it on pairs that people graded: first it tells what that costs, then how far the new \
version and the old judge agree with people on the same labels, and which pairs changed.
"""
_LOOK_AGAIN: Final = 0.2


class WorkshopScreen(WorkspaceScreen):
    """What the keys do about a rubric."""

    SECTION = WORKSHOP
    TYPING = True
    BINDINGS = bindings_of(WORKSHOP)
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - Textual declares it for instances
        (0, "-narrow"),
        (120, "-wide"),
    ]
    DEFAULT_CSS = """
    WorkshopScreen {
        & #bench { height: 1fr; layout: vertical; }
        & RubricArea { height: 1fr; width: 1fr; border: none; padding: 0 1; }
        & #result-scroll { height: 1fr; width: 1fr; padding: 0 1; border-top: solid $panel; }
        & #status { height: 1; padding: 0 1; background: $surface; }
        &.-wide #bench { layout: horizontal; }
        &.-wide #result-scroll { border-top: none; border-left: solid $panel; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self.job: TrialJob | None = None
        self.trial: Trial | None = None
        self.result: TrialResult | None = None
        self.message = Content()
        self._version = ""
        self._model = ""
        self._prompt: Prompt | None = None
        self._asked = ""

    def body(self) -> Iterable[Widget]:
        """Return the rubric, what was found, and the status line."""
        yield Horizontal(
            RubricArea(id="rubric", soft_wrap=True, show_line_numbers=False),
            VerticalScroll(Static(id="result"), id="result-scroll", can_focus=True),
            id="bench",
        )
        yield SplitLine(id="status")

    def begin(self) -> None:
        """Show what the screen is for."""
        self.query_one("#top", SplitLine).show(
            Content.assemble(BRAND, "  ", ("prompt workshop", "bold"))
        )
        self._show(Content(_INTRODUCTION))
        self._clock = self.set_interval(_LOOK_AGAIN, self._show_progress, pause=True)

    def store_opened(self) -> None:
        """Read the prompt saved last, or the one that comes with the program."""
        if self.desk.store_error is not None:
            self._show(error_text(self.desk.store_error))
        if self.desk.store is not None and not self.rubric.text:
            self._open("")

    @property
    def rubric(self) -> RubricArea:
        """The field."""
        return self.query_one(RubricArea)

    def action_try(self) -> None:
        """Ask with which model and on which pairs."""
        if self.job is not None:
            self.say(("a trial runs already", "bold $text-warning"))
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
        self._ask("try", displayable_line(f"{model} {rest}"), _TRY_HINT)

    def action_save(self) -> None:
        """Ask under which name to save the rubric."""
        self._ask(
            "save", displayable_line(self._version), "a short name; its earlier versions stay"
        )

    def action_open(self) -> None:
        """Ask which version to open."""
        store = self.desk.store
        if store is None:
            return

        def read() -> tuple[str, ...]:
            from labels.workshop.prompts import DEFAULT_NAME, saved_prompts

            return (DEFAULT_NAME, *(one.name for one in saved_prompts(store)))

        def ask(names: tuple[str, ...]) -> None:
            others = [name for name in names if name != self._version]
            hint = displayable_line("versions: " + ", ".join(names))
            self._ask("open", displayable_line(others[0] if others else names[0]), hint)

        self.desk.background.start(read, ask)

    async def action_leave(self) -> None:
        """Stop a running trial; else go home."""
        if self.job is not None:
            self.job.stop()
            self.say(("stopping; what was judged is kept", DIM))
        else:
            await self.desk.action_show_home()

    def say(self, *parts: Part) -> None:
        """Show a message in the status line."""
        self.message = Content.assemble(*parts)
        self.query_one("#status", SplitLine).show(self.message)

    def on_prompt_left(self) -> None:
        """Go back to the rubric."""
        self._stop_asking()

    def on_prompt_given(self, event: Prompt.Given) -> None:
        """Do what was asked for, or say beside the line why not."""
        try:
            self._given(self._asked, event.text)
        except RejudgeError as error:
            event.prompt.refuse(displayable_line(str(error)))

    def _given(self, asked: str, text: str) -> None:
        if asked == "try":
            self._prepare(text)
        elif asked == "spend":
            self._stop_asking()
            self._run()
        elif asked == "save":
            self._save(text)
        else:
            self._stop_asking()
            self._open(text.strip())

    def _prepare(self, text: str) -> None:
        from labels.workshop.trials import parse_trial, prepare_trial

        store, rubric = self.desk.store, self.rubric.text
        if store is None:
            return
        request = parse_trial(text)
        self._stop_asking()
        self.say(("counting …", DIM))
        self.desk.background.start(
            lambda: prepare_trial(store, request, rubric), self._prepared, self._failed
        )

    def _prepared(self, trial: Trial) -> None:
        from tui.shown.agreement import cost_lines

        self.trial = trial
        self.say()
        lines = cost_lines(trial.new, trial.cost)
        self._show(Content("\n".join([*lines, f"at {displayable_line(trial.server.shown)}"])))
        self._ask("spend", "", f"{lines[1]}; enter asks, escape does not")

    def _run(self) -> None:
        from tui.jobs import TrialJob

        store, trial = self.desk.store, self.trial
        if store is None or trial is None:
            return
        job = self.job = TrialJob(trial, lambda: self.desk.background.closing)
        self._clock.resume()
        self.say(("asking …", DIM))
        self.desk.background.start(lambda: job.run(store), self._done, self._failed)

    def _done(self, result: TrialResult) -> None:
        from tui.shown.agreement import comparison_lines, cost_lines

        self._end_job()
        self.result = result
        report = result.report
        self._version = result.report.judge.name.rpartition("/")[2]
        rest = cost_lines(report.judge, result.rest)
        lines = [*comparison_lines(result.comparison), "", "all the rest:", *rest]
        lines += [displayable_line(notice) for notice in report.notices]
        self._show(Content("\n".join(lines)))
        stopped = ", stopped" if report.cancelled else ""
        self.say(
            (f"{report.judged:,} judged, {report.failed:,} failed{stopped}", "bold $text-success")
        )

    def _failed(self, error: RejudgeError) -> None:
        self._end_job()
        self.say()
        self._show(error_text(error))

    def _end_job(self) -> None:
        self.job = None
        self._clock.pause()

    def _save(self, name: str) -> None:
        from labels.judges.prompt import checked_rubric
        from labels.workshop.prompts import checked_name, save_prompt

        store = self.desk.store
        if store is None:
            return
        name, rubric = checked_name(name), checked_rubric(self.rubric.text)
        examples = self.trial.request.examples if self.trial else 0
        self._stop_asking()

        def saved(prompt: JudgePrompt) -> None:
            self._version = prompt.name
            self.say(("saved: ", "bold $text-success"), displayable_line(prompt.name))

        self.desk.background.start(
            lambda: save_prompt(store, name, rubric, examples=examples), saved, self._failed
        )

    def _open(self, name: str) -> None:
        """Open a version by name; without one that which was saved last."""
        store = self.desk.store
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
            self.rubric.focus()
            self.say((displayable_line(prompt.name or "default"), "bold"), (" opened", DIM))

        self.desk.background.start(read, opened, self._failed)

    def _show_progress(self) -> None:
        progress = self.job.progress if self.job else None
        if progress is not None and self.job is not None and not self.job.stopping:
            tokens = progress.prompt_tokens + progress.completion_tokens
            self.say(
                (f"{progress.done:,} of {progress.total:,}", "bold"),
                (f"  {progress.rate:.1f}/s  {tokens:,} tokens", DIM),
            )

    def _show(self, content: Content) -> None:
        self.query_one("#result", Static).update(content)

    def _ask(self, what: str, text: str, hint: str) -> None:
        self._stop_asking()
        self._asked = what
        self._prompt = Prompt(what, text, hint)
        _ = self.mount(self._prompt, before="#status")

    def _stop_asking(self) -> None:
        if self._prompt is not None:
            _ = self._prompt.remove()
            self._prompt = None
            self.rubric.focus()
