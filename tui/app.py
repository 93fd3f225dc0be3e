"""The app: one workspace, its screens, and what they share."""

from __future__ import annotations

import gc
import math
import sys
from asyncio import get_running_loop
from collections import deque
from importlib import import_module
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final, cast

from textual import events
from textual.app import App, SystemCommand
from textual.widgets import Input
from textual.worker import WorkerState

from core.text import NOT_YOURS, crash_text, displayable_line, safe_text
from core.workspace import Workspace, find_workspace, given_path
from tui.commands import SCREENS, bindings_of, everywhere
from tui.context import Context
from tui.screens.base import OpenWorkspace, ShowScreen, WorkspaceScreen
from tui.terminal import TerminalWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from textual.screen import Screen
    from textual.worker import Worker

    from core.errors import RejudgeError
    from core.store.database import Store
    from train.runs.outcome import SpecOutcome
    from train.runs.store import RunRecord
    from tui.run_monitor import RunsSeen


#: Seconds between readings of the runs, and checks of the terminal.
_RUNS_PERIOD: Final = 1.0
_TERMINAL_PERIOD: Final = 2.0
#: Seconds after which a key counts as handled, should a widget have lost it.
_KEY_PATIENCE: Final = 0.5
#: Seconds that a start may take.
_START: Final = 2.0
#: Seconds from opening the store to the first check whether a backup is due, and between checks.
_FIRST_BACKUP: Final = 10.0
_BACKUP_PERIOD: Final = 60.0


class RejudgeApp(App[None]):
    """rejudge on one workspace.

    The store is opened after the first paint, in a thread. A screen is made when it is first
    shown, and learns by ``WorkspaceScreen.store_opened`` that the store is open.

    Attributes:
        context: the workspace, its store, and the work under way.
    """

    TITLE = "rejudge"
    DEFAULT_MODE = "home"
    CSS_PATH = Path(__file__).with_name("rejudge.tcss")
    BINDINGS = bindings_of(everywhere())

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.animation_level = "none"
        self._made: list[WorkspaceScreen] = []
        self._in_front_since = -math.inf
        self._saved_theme = ""
        self._key: events.Key | None = None
        self._typed: deque[events.Key] = deque()
        self.context = Context(
            self,
            workspace,
            show_error=self.show_error,
            calibrated=self._calibrated,
            runs_seen=self._runs_seen,
            run_evaluated=self._run_evaluated,
        )
        if self.context.key_table.changed:
            self.set_keymap(self.context.key_table.changed)
        if self.context.settings.theme in self.available_themes:
            self.theme = self.context.settings.theme

    @property
    def store(self) -> Store | None:
        """The open store."""
        return self.context.store

    def get_default_screen(self) -> Screen[None]:
        """Return the first screen; ``add_mode`` would parse all styles once more."""
        return self._make(self.DEFAULT_MODE)

    def _make(self, name: str) -> WorkspaceScreen:
        module, _, class_name = SCREENS[name].screen.partition(":")
        screen_class = cast("type[WorkspaceScreen]", getattr(import_module(module), class_name))
        screen = screen_class(self.context)
        self._made.append(screen)
        return screen

    def on_mount(self) -> None:
        """Open the store once the first screen is painted."""
        self.set_timer(_START, gc.enable)
        self.set_interval(_RUNS_PERIOD, lambda: self.context.runs.refresh_if_any(self.store))
        self.set_interval(_TERMINAL_PERIOD, TerminalWatch().check)
        for name in SCREENS:
            self.add_mode(name, lambda name=name: self._make(name))  # type: ignore[misc]
        self.screen_change_signal.subscribe(self, self._screen_changed)
        self._saved_theme = self.theme
        self.theme_changed_signal.subscribe(self, lambda theme: self._save_theme(theme.name))
        self.call_after_refresh(self.open_store)

    def on_open_workspace(self, _: OpenWorkspace) -> None:
        """Try again to open the store."""
        self.open_store()

    def open_store(self) -> None:
        """Open the store in a thread and tell the screens."""
        self._show_settings_problems()
        self.context.open(self._opened)

    def _opened(self) -> None:
        store = self.store
        if store is None and SCREENS[self.current_mode].needs_store:
            _ = self.switch_mode("home")
        for screen in self._mounted():
            screen.store_opened()
        if store is None:
            return
        if store.read_only_copy is not None:
            text = displayable_line(store.read_only_copy.notice)
            self.notify(text, title="read only", severity="warning", timeout=30, markup=False)
            return
        self.set_timer(_FIRST_BACKUP, self._keep_backup)
        self.set_interval(_BACKUP_PERIOD, self._keep_backup)

    def _mounted(self) -> Iterable[WorkspaceScreen]:
        """Return the screens in front that can show something."""
        for screen in self.screen_stack:
            if isinstance(screen, WorkspaceScreen) and screen.is_mounted:
                yield screen

    def _keep_backup(self) -> None:
        store = self.store
        if store is not None:
            self.context.background.start(store.back_up_if_due, lambda _: None)

    def on_unmount(self) -> None:
        """Stop what runs, wait for it, then close the store."""
        gc.enable()
        gc.unfreeze()
        self.context.close(self._leave)

    def _leave(self) -> None:
        for screen in self._made:
            screen.leaving()

    async def action_show(self, name: str) -> None:
        """Go to a screen; from help, help goes back."""
        if name == "help" and self.current_mode == "help":
            name = self.context.came_from
        await self._show(name)

    async def on_show_screen(self, event: ShowScreen) -> None:
        """Go to a screen and hand it the request."""
        if await self._show(event.name) and event.request is not None:
            cast("WorkspaceScreen", self.screen).requested(event.request)

    async def _show(self, name: str) -> bool:
        if SCREENS[name].needs_store and self.store is None:
            text = f"{SCREENS[name].title} needs an open workspace; the home screen says how."
            self.notify(text, severity="warning", markup=False)
            return False
        if name == "help":
            self.context.came_from = self.current_mode
        await self.switch_mode(name)
        return True

    def get_system_commands(self, screen: Screen[None]) -> Iterable[SystemCommand]:
        """Offer every command of the screen in front, then those of every screen."""
        here = SCREENS[self.current_mode].commands if isinstance(screen, WorkspaceScreen) else ()
        for command in (*here, *everywhere().commands):
            if command.action == "app.command_palette":
                continue
            keys = self.context.key_table.shown([command], most=3)
            yield SystemCommand(
                command.title, f"{command.help}  ({keys})", self._runner(command.action, screen)
            )

    def _runner(self, action: str, screen: Screen[None]) -> Callable[[], None]:
        async def run() -> None:
            await self.run_action(action, default_namespace=screen)

        def later() -> None:
            self.call_later(run)

        return later

    async def on_event(self, event: events.Event) -> None:
        """Handle keys strictly one after the other, so that each acts on what it was typed for.

        Textual hands keys on as they come; one would overtake the key before it, which still opens
        a line to type in or another screen.
        """
        if not isinstance(event, events.Key):
            await super().on_event(event)
        elif event.is_forwarded:
            await super().on_event(event)
            self._key_done(event)
        elif self._key is None:
            self._key = event
            await self._handle_key(event)
        else:
            self._typed.append(event)

    async def _handle_key(self, key: events.Key) -> None:
        if key.time < self._in_front_since and not isinstance(self.focused, Input):
            self._key_done(key)  # it was typed for the screen before
            return
        target = self.focused or self.screen
        await super().on_event(key)
        if key.is_forwarded:
            target.call_later(self._key_handled, key)
            get_running_loop().call_later(_KEY_PATIENCE, self._key_done, key)
        else:
            self._key_done(key)

    def _key_handled(self, key: events.Key) -> None:
        """Go on if the target used the key up; else it comes back to the app."""
        if key._stop_propagation:  # noqa: SLF001 - Textual has no other way to tell
            self._key_done(key)

    def _key_done(self, key: events.Key) -> None:
        if self._key is not key:
            return
        self._key = self._typed.popleft() if self._typed else None
        if self._key is not None:
            self.call_later(self._handle_key, self._key)

    def _screen_changed(self, _: object) -> None:
        self._in_front_since = math.inf
        self.screen.call_after_refresh(self._painted)

    def _painted(self) -> None:
        self._in_front_since = monotonic()

    def _save_theme(self, name: str) -> None:
        """Keep the theme that the person picked for the next start."""
        workspace = self.context.workspace
        if name != self._saved_theme and workspace.exists:
            self._saved_theme = name
            self.context.background.start(lambda: workspace.remember("theme", name), lambda _: None)

    def show_error(self, error: RejudgeError) -> None:
        """Show an error as a notice, unless the same text is in sight.

        A server that is gone is met by everything that asks it; the notices would cover all.
        """
        lines = [displayable_line(part) for part in (error.headline, error.todo) if part]
        text = "\n".join(lines)
        if all(notice.message != text for notice in self._notifications):
            self.notify(text, severity="error", timeout=15, markup=False)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Report a bug that ended a worker, and go on."""
        if event.state is WorkerState.ERROR:
            error = event.worker.error
            text = safe_text(f"{type(error).__name__}: {error}\n{NOT_YOURS}")
            self.notify(text, severity="error", timeout=30, markup=False)

    def _fatal_error(self) -> None:
        """Exit with the place of the bug; Textual would print the values of variables too."""
        from rich.text import Text

        error = sys.exception() or self._exception
        where = crash_text(error) if error is not None else ""
        first = not self._exit_renderables  # those that follow are mostly its consequences
        self.panic(*[Text(f"{where}\nrejudge: {NOT_YOURS}")] if first else [])

    def _calibrated(self) -> None:
        for screen in self._made:
            screen.grades_renewed()

    def _runs_seen(self, before: RunsSeen | None) -> None:
        """Tell the screens about the runs, and the person which have ended."""
        for screen in self._mounted():
            screen.runs_seen(before)
        now = self.context.runs.last
        if before is None or now is None:
            return
        were_going = {record.id for record in before.runs.going}
        for record in now.runs.records:
            if record.id in were_going and not record.status.going:
                self._run_ended(record)

    def _run_ended(self, record: RunRecord) -> None:
        from tui.shown.train import short_id

        bad = record.status in {"failed", "died"}
        if bad or self.current_mode != "train":
            reason = f": {record.reason}" if record.reason else ""
            self.notify(
                displayable_line(f"run {short_id(record.id)} {record.status.value}{reason}"),
                severity="error" if bad else "information",
                timeout=15,
                markup=False,
            )

    def _run_evaluated(self, name: str, outcomes: tuple[SpecOutcome, ...]) -> None:
        from tui.shown.train import outcome_line, short_id

        text = displayable_line(f"run {short_id(name)} is evaluated: {outcome_line(outcomes)}")
        self.notify(text, timeout=15, markup=False)

    def _show_settings_problems(self) -> None:
        context = self.context
        if context.settings_error is not None:
            self.show_error(context.settings_error)
            context.settings_error = None
        problems = list(context.key_table.problems)
        theme = context.settings.theme
        if theme and theme not in self.available_themes:
            problems.append(f"there is no theme {theme}; ctrl+t lists the themes")
        if problems:
            text = "\n".join(displayable_line(problem) for problem in problems)
            self.notify(text, title="settings.toml", severity="warning", timeout=15, markup=False)


class AuditFirstApp(RejudgeApp):
    """The app, beginning with the audit screen."""

    DEFAULT_MODE = "audit"


def open_app(folder: str | None, *, screen: str = "", store: str = "") -> int:
    """Open the app on the workspace of ``folder``.

    Args:
        folder: the folder of the workspace; None: the current folder, or the nearest above it
            that has a workspace.
        screen: ``audit`` to begin with the audit screen; else it is home.
        store: the url of the store; empty: as the settings say.

    Returns:
        The exit status: 0, or 1 when the terminal could not be used.
    """
    workspace = (
        Workspace(given_path(folder).absolute(), store)
        if folder
        else find_workspace(Path.cwd(), store)
    )
    gc.disable()  # until the app has started: little of what is imported is ever garbage
    app = AuditFirstApp(workspace) if screen == "audit" else RejudgeApp(workspace)
    app.run()
    return app.return_code or 0
