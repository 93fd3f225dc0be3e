"""The home screen: the stages in counts and the next step, a welcome, or an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui.commands import HOME, bindings_of
from tui.screens.base import OpenWorkspace, WorkspaceScreen
from tui.shown.home import DEMO, LoopSeen, loop_text, next_step, welcome_text
from tui.widgets.text import SplitLine
from tui.words import BRAND, DIM, error_text, shown_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.widget import Widget

    from eval.evals import EvalSummary
    from labels.status import WorkspaceStatus
    from tui.context import Context
    from tui.run_monitor import RunsSeen


class HomeScreen(WorkspaceScreen):
    """The first screen."""

    SECTION = HOME
    BINDINGS = bindings_of(HOME)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._command = DEMO
        self._status: WorkspaceStatus | None = None
        self._evals: list[EvalSummary] = []
        self._under_way = ""

    def body(self) -> Iterable[Widget]:
        """Return the one text of this screen, scrollable where the terminal is short."""
        yield VerticalScroll(Static(id="loop"), id="loop-scroll", classes="page", can_focus=False)

    def begin(self) -> None:
        """Show the welcome where there is no workspace, else that it is being opened."""
        root = shown_folder(self.context.workspace.root)
        self.query_one("#top", SplitLine).show(Content.assemble(BRAND, ("  ", ""), (root, DIM)))
        if self.context.workspace.exists:
            self._put(Content.assemble(("  opening the workspace …", DIM)))
        else:
            self._welcome()

    def store_opened(self) -> None:
        """Read the counts, or show why the store is not open."""
        if self.context.store_error is not None:
            self._put(
                Content.assemble(
                    error_text(self.context.store_error),
                    ("\n\npress ", DIM),
                    (self.key_of("home.refresh"), "bold $text-accent"),
                    (" to try again", DIM),
                )
            )
        elif self.context.store is None:
            self._welcome()
        else:
            self._read()

    def on_screen_resume(self) -> None:
        """Count again when the person comes back."""
        if self.context.store is not None and self.is_mounted:
            self._read()

    def action_refresh(self) -> None:
        """Count again; open the workspace if that failed."""
        if self.context.store is None:
            self.begin()
            self.post_message(OpenWorkspace())
        else:
            self._read()

    def action_copy_next(self) -> None:
        """Copy the command under NEXT."""
        if self._command:
            self.app.copy_to_clipboard(self._command)
            self.notify(f"copied: {self._command}", markup=False)

    def action_scroll_page(self, direction: int) -> None:
        """Scroll by a few lines."""
        scroll = self.query_one("#loop-scroll", VerticalScroll)
        scroll.scroll_relative(y=3 * direction, animate=False)

    def _read(self) -> None:
        store = self.context.store
        if store is None:
            return

        def read() -> tuple[WorkspaceStatus, list[EvalSummary]]:
            from eval.evals import list_evals
            from labels.status import workspace_status

            return workspace_status(store), list_evals(store)

        self.context.background.start(read, self._take)
        self.context.runs.refresh(store)

    def _take(self, read: tuple[WorkspaceStatus, list[EvalSummary]]) -> None:
        self._status, self._evals = read
        self._show()

    def on_resize(self) -> None:
        """Show the stages closer together where there is less room."""
        self._show()

    def runs_seen(self, before: RunsSeen | None) -> None:
        """Show the state of the runs, and the evaluations under way."""
        last = self.context.runs.last
        under_way = self._evaluating()
        if self._under_way and not under_way:
            self._read()
        changed = last is not None and (before is None or before.runs != last.runs)
        if changed or under_way != self._under_way:
            self._under_way = under_way
            self._show()

    def _evaluating(self) -> str:
        job = self.context.runs.job
        if job is None:
            return ""
        from tui.shown.evals import progress_text

        progress = progress_text(job.progress, job.seconds) if job.progress else "starting …"
        return f"evaluating the run: {progress}"

    def _show(self) -> None:
        status, last = self._status, self.context.runs.last
        if status is None:
            return
        if status.empty:
            self._welcome()
            return
        runs = last.runs.records if last else ()
        latest = self._evals[0] if self._evals else None
        seen = LoopSeen(runs, len(self._evals), latest, self._under_way)
        step = next_step(status, runs)
        self._command = step.command
        keys = {name: self.key_of(f"home.{name}") for name in ("audit", "train", "misses", "copy")}
        height = self.query_one("#loop-scroll", VerticalScroll).size.height
        self._put(loop_text(status, step, seen, keys, height))

    def _welcome(self) -> None:
        self._command = DEMO
        self._put(welcome_text(shown_folder(self.context.workspace.root), self.key_of("home.copy")))

    def _put(self, content: Content) -> None:
        self.query_one("#loop", Static).update(content)
