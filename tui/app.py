"""The app: one workspace, its store, and the modes.

The end of the app when its terminal is gone.

A terminal that is closed is told by SIGHUP, which ends the app; what was done is on disk. Where
that signal is ignored (``nohup``, some session managers) the app would go on with nobody in front
of it, read the end of its input over and over, and keep the workspace from everybody else.

What reaches stderr when rejudge itself is at fault, made safe to show.

Python writes an error that nobody caught as it is, with whatever a file of the corpus put into its
message. The app's own screen is left in ``RejudgeApp``; here is what remains.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from textual.app import App, SystemCommand
from textual.worker import WorkerState

from core.errors import RejudgeError
from core.text import NOT_YOURS, crash_text, displayable_line, safe_text
from core.workspace import Settings, Workspace, find_workspace, given_path
from tui.commands import EVERYWHERE, bindings_of
from tui.jobs import Background, Refitting
from tui.keys import KeyTable, key_table
from tui.screens.base import WorkspaceScreen
from tui.screens.train.runs import RunFollower

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from textual.screen import Screen
    from textual.worker import Worker

    from core.store.database import Store
    from train.runs.outcome import SpecOutcome
    from train.runs.store import RunRecord
    from tui.screens.train.runs import RunsSeen


class TerminalWatch:
    """Remembers whether there was a terminal on stdin."""

    def __init__(self) -> None:
        self._descriptor = _terminal()

    def look(self) -> None:
        """End the process, as SIGHUP would have, when there was one and it has been closed.

        To leave in order, Textual would write to the terminal, and wait for it for ever.
        """
        if self._descriptor is not None and not os.isatty(self._descriptor):
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGHUP)


def _terminal() -> int | None:
    try:
        descriptor = sys.__stdin__.fileno() if sys.__stdin__ is not None else -1
    except (OSError, ValueError):
        return None
    return descriptor if descriptor >= 0 and os.isatty(descriptor) else None


#: Seconds between looks at the runs.
_LOOK_AT_RUNS: Final = 1.0
_LOOK_AT_TERMINAL: Final = 2.0
#: Seconds that a start may take.
_START: Final = 2.0
#: Seconds from opening the store to the first look at whether a backup is due, and between looks.
_FIRST_BACKUP: Final = 10.0
_BACKUP_PERIOD: Final = 60.0


def _home() -> WorkspaceScreen:
    from tui.screens.home import HomeScreen

    return HomeScreen()


def _audit() -> WorkspaceScreen:
    from tui.screens.audit.screen import AuditScreen

    return AuditScreen()


def _train() -> WorkspaceScreen:
    from tui.screens.train.screen import TrainScreen

    return TrainScreen()


def _judges() -> WorkspaceScreen:
    from tui.screens.judges import JudgesScreen

    return JudgesScreen()


def _misses() -> WorkspaceScreen:
    from tui.screens.misses.screen import MissesScreen

    return MissesScreen()


def _workshop() -> WorkspaceScreen:
    from tui.screens.workshop import WorkshopScreen

    return WorkshopScreen()


def _help() -> WorkspaceScreen:
    from tui.screens.help import HelpScreen

    return HelpScreen()


#: The screens by their modes. A new screen is added here and to ``tui.commands.SECTIONS``.
SCREENS: Final = {
    "home": _home,
    "audit": _audit,
    "train": _train,
    "judges": _judges,
    "misses": _misses,
    "workshop": _workshop,
    "help": _help,
}


class RejudgeApp(App[None]):
    """rejudge on one workspace.

    The store is opened after the first paint, in a thread. Screens that need it are told by
    ``WorkspaceScreen.store_opened``; each is made when its mode is first entered.

    Attributes:
        workspace: the workspace; it may not exist yet.
        settings: its settings, the defaults where the file cannot be used.
        key_table: the keys as they are.
        store: the open store, None before and when it cannot be opened.
        store_error: why it cannot.
        refitting: what calibrates again while a person labels.
        entered: the screens that have been entered so far.
        follower: looks at the training runs, whatever screen is in front.
        mode_before_help: the screen where help was last called.
    """

    TITLE = "rejudge"
    DEFAULT_MODE = "home"
    CSS_PATH = Path(__file__).with_name("rejudge.tcss")
    BINDINGS = bindings_of(EVERYWHERE)

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.animation_level = "none"
        self.workspace = workspace
        self.settings = Settings()
        self.store: Store | None = None
        self.store_error: RejudgeError | None = None
        self.background = Background(self, self.show_error)
        self.refitting = Refitting(self)
        self.entered: list[WorkspaceScreen] = []
        self.follower = RunFollower(
            workspace,
            self.background,
            seen=self._runs_seen,
            changed=self._run_changed,
            failed=self.show_error,
        )
        self._opening = False
        self.mode_before_help = self.DEFAULT_MODE
        self._settings_error: RejudgeError | None = None
        self.key_table: KeyTable = key_table({})
        self._follow_settings()

    def get_default_screen(self) -> Screen[None]:
        """Return the first screen.

        It is not made through ``add_mode``, which would parse all styles once more.
        """
        return SCREENS[self.DEFAULT_MODE]()

    def on_mount(self) -> None:
        """Open the store once the first screen is painted."""
        self.set_timer(_START, gc.enable)
        self.set_interval(_LOOK_AT_RUNS, lambda: self.follower.glance(self.store))
        self.set_interval(_LOOK_AT_TERMINAL, TerminalWatch().look)
        for mode, make in SCREENS.items():
            self.add_mode(mode, make)
        self.call_after_refresh(self.open_store)

    def open_store(self) -> None:
        """Open the store in a thread and tell the screens; without a workspace only tell them."""
        if self._opening:
            return
        self._tell_settings()
        self.store_error = None
        if not self.workspace.exists:
            self._tell_screens()
            return
        self._opening = True
        self.background.start(self._open, lambda _: self._opened(), self._not_opened)

    def tell_calibrated(self) -> None:
        """Tell the screens that the calibrated grades have changed."""
        for screen in self.entered:
            screen.grades_renewed()

    def all_is_loaded(self) -> None:
        """Spare the garbage collector what stays for good: it costs an eighth of each key."""
        if not gc.get_freeze_count():
            gc.freeze()

    def show_error(self, error: RejudgeError) -> None:
        """Show an error as a notice that stays long enough to be read; one of a kind at a time.

        A server that is gone is met by each thing that asks it, and the notices would cover all.
        """
        lines = [displayable_line(part) for part in (error.headline, error.todo) if part]
        text = "\n".join(lines)
        if all(one.message != text for one in self._notifications):
            self.notify(text, severity="error", timeout=15, markup=False)

    async def action_show_home(self) -> None:
        """Go home."""
        await self.switch_mode("home")

    async def action_show_audit(self) -> None:
        """Go to the audit screen, if there is a workspace to audit."""
        if self.store is None:
            self.notify("There is no open workspace to audit.", severity="warning", markup=False)
            return
        await self.switch_mode("audit")

    async def action_show_train(self) -> None:
        """Go to the train screen, if there is a workspace."""
        if self.store is None:
            self.notify("There is no open workspace.", severity="warning", markup=False)
            return
        await self.switch_mode("train")

    async def action_show_judges(self) -> None:
        """Go to the judges screen, if there is a workspace."""
        if self.store is None:
            self.notify("There is no open workspace.", severity="warning", markup=False)
            return
        await self.switch_mode("judges")

    async def action_show_misses(self) -> None:
        """Go to the misses screen, if there is a workspace."""
        if self.store is None:
            self.notify("There is no open workspace.", severity="warning", markup=False)
            return
        await self.switch_mode("misses")

    async def action_show_workshop(self) -> None:
        """Go to the prompt workshop, if there is a workspace."""
        if self.store is None:
            self.notify("There is no open workspace.", severity="warning", markup=False)
            return
        await self.switch_mode("workshop")

    async def action_show_help(self) -> None:
        """Show all keys; again, and go back."""
        if self.current_mode == "help":
            await self.action_leave_help()
            return
        self.mode_before_help = self.current_mode
        await self.switch_mode("help")

    async def action_leave_help(self) -> None:
        """Go back to where help was called."""
        await self.switch_mode(self.mode_before_help)

    def get_system_commands(self, screen: Screen[None]) -> Iterable[SystemCommand]:
        """Offer every command of the screen in front, then those that hold everywhere."""
        section = screen.SECTION if isinstance(screen, WorkspaceScreen) else None
        commands = (*(section.commands if section else ()), *EVERYWHERE.commands)
        for command in commands:
            if command.action == "app.command_palette":
                continue
            keys = self.key_table.shown([command], most=3)
            yield SystemCommand(
                command.title, f"{command.help}  ({keys})", self._runner(command.action, screen)
            )

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Say it when a worker died of a mistake of ours, and go on."""
        if event.state is WorkerState.ERROR:
            error = event.worker.error
            text = safe_text(f"{type(error).__name__}: {error}\n{NOT_YOURS}")
            self.notify(text, severity="error", timeout=30, markup=False)

    def _fatal_error(self) -> None:
        """Leave, and tell where the mistake is; Textual would tell the values of variables too."""
        from rich.text import Text

        error = sys.exception() or self._exception
        where = crash_text(error) if error is not None else ""
        first = not self._exit_renderables  # those that follow are mostly its consequences
        self.panic(*[Text(f"{where}\nrejudge: {NOT_YOURS}")] if first else [])

    def on_unmount(self) -> None:
        """Stop what runs, wait for it, then give up the store."""
        gc.enable()
        gc.unfreeze()
        self.background.closing = True
        if self.store is not None:
            self.store.interrupt()
        self.background.close()
        if self.store is not None:
            for screen in self.entered:
                screen.leaving()
            self.store.close()
            self.store = None

    def _open(self) -> None:
        from core.store.read_only import open_for_reading

        if self.store is None:
            self.store = open_for_reading(self.workspace)

    def _opened(self) -> None:
        self._tell_screens()
        read_only_copy = self.store.read_only_copy if self.store is not None else None
        if read_only_copy is not None:
            text = displayable_line(read_only_copy.notice)
            self.notify(text, title="read only", severity="warning", timeout=30, markup=False)
        else:
            self.set_timer(_FIRST_BACKUP, self._keep_backup)
            self.set_interval(_BACKUP_PERIOD, self._keep_backup)

    def _keep_backup(self) -> None:
        """Copy the database when it is time to, in a thread."""
        store = self.store
        if store is not None:
            self.background.start(store.back_up_if_due, lambda _: None)

    def _not_opened(self, error: RejudgeError) -> None:
        self.store_error = error
        self._tell_screens()

    def _tell_screens(self) -> None:
        self._opening = False
        away = self.current_mode not in {"home", "help"}
        if self.store is None and away:
            _ = self.switch_mode("home")
        for screen in self.screen_stack:
            if isinstance(screen, WorkspaceScreen) and screen.is_mounted:
                screen.store_opened()

    def _runs_seen(self, before: RunsSeen | None) -> None:
        """Tell the screens what became of the runs, and the person what ended elsewhere."""
        for screen in self.screen_stack:
            if isinstance(screen, WorkspaceScreen) and screen.is_mounted:
                screen.runs_seen(before)
        if before is None or self.follower.last is None:
            return
        was_going = {record.id for record in before.runs.going}
        for record in self.follower.last.runs.records:
            if record.id in was_going and not record.status.going:
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

    def _run_changed(self, name: str, outcomes: tuple[SpecOutcome, ...]) -> None:
        from tui.shown.train import outcome_line, short_id

        text = displayable_line(f"run {short_id(name)} is evaluated: {outcome_line(outcomes)}")
        self.notify(text, timeout=15, markup=False)

    def _follow_settings(self) -> None:
        try:
            self.settings = self.workspace.settings()
        except RejudgeError as error:
            self._settings_error = error
        if self.settings.keys:
            self.key_table = key_table(self.settings.keys)
            self.set_keymap(self.key_table.changed)
        if self.settings.theme in self.available_themes:
            self.theme = self.settings.theme

    def _tell_settings(self) -> None:
        if self._settings_error is not None:
            self.show_error(self._settings_error)
            self._settings_error = None
        theme = self.settings.theme
        problems = list(self.key_table.problems)
        if theme and theme not in self.available_themes:
            problems.append(f"there is no theme {theme}; ctrl+t lists them")
        if problems:
            text = "\n".join(displayable_line(problem) for problem in problems)
            self.notify(text, title="settings.toml", severity="warning", timeout=15, markup=False)

    def _runner(self, action: str, screen: Screen[None]) -> Callable[[], None]:
        async def run() -> None:
            await self.run_action(action, default_namespace=screen)

        def later() -> None:
            self.call_later(run)

        return later


class AuditFirstApp(RejudgeApp):
    """The same, beginning with the audit screen."""

    DEFAULT_MODE = "audit"


def open_app(folder: str | None, *, screen: str = "", store: str = "") -> int:
    """Open the app on the workspace of ``folder`` (None: of the current one).

    Args:
        folder: the folder of the workspace; None: the current one, or the nearest above it
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


class _SafeFormatter(logging.Formatter):
    """Of what libraries log when nothing else was set up, such as asyncio's lost errors."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record, safe to show."""
        return safe_text(super().format(record))


def install() -> None:
    """Have errors that nobody caught told without keys and controls, in this whole process."""
    sys.excepthook = _tell
    sys.unraisablehook = _tell_unraisable
    threading.excepthook = _tell_of_thread
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_SafeFormatter())


def _tell(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
    print(f"{crash_text(error)}\nrejudge: {NOT_YOURS}", file=sys.stderr)


def _tell_of_thread(told: threading.ExceptHookArgs) -> None:
    if told.exc_value is not None:
        print(crash_text(told.exc_value), file=sys.stderr)


def _tell_unraisable(told: sys.UnraisableHookArgs) -> None:
    if told.exc_value is not None:
        print(crash_text(told.exc_value), file=sys.stderr)
