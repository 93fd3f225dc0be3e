"""Home: the loop in counts and what to do next, the welcome, or why there is neither."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui.commands import HOME, bindings_of
from tui.screens.home_text import DEMO, loop_text, next_step, welcome_text
from tui.screens.workspace_screen import WorkspaceScreen
from tui.widgets.split_line import SplitLine
from tui.words import BRAND, DIM, error_text, shown_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.widget import Widget

    from labels.workspace_status import WorkspaceStatus


class HomeScreen(WorkspaceScreen):
    """The first screen."""

    SECTION = HOME
    BINDINGS = bindings_of(HOME)

    def __init__(self) -> None:
        super().__init__()
        self._command = DEMO

    def body(self) -> Iterable[Widget]:
        """Return the one text of this screen, scrollable where the terminal is short."""
        yield VerticalScroll(Static(id="loop"), id="loop-scroll", classes="page", can_focus=False)

    def begin(self) -> None:
        """Show the welcome when there is no workspace, else that it is being opened."""
        root = shown_folder(self.desk.workspace.root)
        self.query_one("#top", SplitLine).show(Content.assemble(BRAND, ("  ", ""), (root, DIM)))
        if self.desk.workspace.exists:
            self._say(Content.assemble(("  opening the workspace …", DIM)))
        else:
            self._welcome()

    def store_opened(self) -> None:
        """Read the counts, or say why the store is not open."""
        if self.desk.store_error is not None:
            self._say(
                Content.assemble(
                    error_text(self.desk.store_error),
                    ("\n\npress ", DIM),
                    (self.desk.key_table.shown([HOME.commands[2]]), "bold $text-accent"),
                    (" to try again", DIM),
                )
            )
        elif self.desk.store is None:
            self._welcome()
        else:
            self._read()

    def on_screen_resume(self) -> None:
        """Count again when a person comes back from another screen."""
        if self.desk.store is not None and self.is_mounted:
            self._read()

    def action_refresh(self) -> None:
        """Open the workspace if that failed before, else count again."""
        if self.desk.store is None:
            self.begin()
            self.desk.open_store()
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
        store = self.desk.store
        if store is None:
            return

        def read() -> WorkspaceStatus:
            from labels.workspace_status import workspace_status

            return workspace_status(store)

        self.desk.background.start(read, self._show)

    def _show(self, status: WorkspaceStatus) -> None:
        if status.empty:
            self._welcome()
            return
        step = next_step(status)
        self._command = step.command
        self._say(loop_text(status, step, *self._keys()))

    def _welcome(self) -> None:
        self._command = DEMO
        self._say(welcome_text(shown_folder(self.desk.workspace.root), self._keys()[1]))

    def _keys(self) -> tuple[str, str]:
        audit, copy, *_ = HOME.commands
        return self.desk.key_table.shown([audit]), self.desk.key_table.shown([copy])

    def _say(self, content: Content) -> None:
        self.query_one("#loop", Static).update(content)
