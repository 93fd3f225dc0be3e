"""What the app holds for its screens: the workspace with its store, the keys, and the work."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from core.errors import RejudgeError
from core.workspace import Settings
from tui.jobs import Background
from tui.keys import key_table
from tui.recalibration import Recalibration
from tui.run_monitor import RunMonitor

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import App

    from core.store.database import Store
    from core.workspace import Workspace
    from train.runs.outcome import SpecOutcome
    from tui.run_monitor import RunsSeen


class Context:
    """One workspace, opened by one app.

    Args:
        app: whose threads, timers and notices are used.
        workspace: the workspace; it may not exist yet.
        show_error: shows an error to the person.
        calibrated: called when the calibrated grades have changed.
        runs_seen: called after each reading of the training runs, with the state before.
        run_evaluated: called with a run and what it changed, once that was evaluated here.

    Attributes:
        settings: the settings; the defaults where the file cannot be used.
        settings_error: why it cannot; None when it can.
        key_table: the keys, with the changes of the settings.
        store: the open store; None before it is open and when it cannot be opened.
        store_error: why it cannot be opened.
        background: threads for work off the UI thread.
        recalibration: calibrates while a person labels.
        runs: watches the training runs, whatever screen is in front.
        came_from: the screen from which help was opened.
    """

    def __init__(
        self,
        app: App[None],
        workspace: Workspace,
        *,
        show_error: Callable[[RejudgeError], None],
        calibrated: Callable[[], None],
        runs_seen: Callable[[RunsSeen | None], None],
        run_evaluated: Callable[[str, tuple[SpecOutcome, ...]], None],
    ) -> None:
        self.workspace = workspace
        self.show_error = show_error
        self.settings, self.settings_error = _read_settings(workspace)
        self.key_table = key_table(self.settings.keys)
        self.store: Store | None = None
        self.store_error: RejudgeError | None = None
        self.background = Background(app, show_error)
        self.recalibration = Recalibration(self.background, calibrated, show_error)
        self.runs = RunMonitor(
            workspace,
            self.background,
            seen=runs_seen,
            evaluated=run_evaluated,
            failed=show_error,
        )
        self.came_from = "home"
        self._opening = False

    def open(self, opened: Callable[[], None]) -> None:
        """Open the store in a thread, then call ``opened``, also when that failed.

        Without a workspace there is nothing to open and ``opened`` is called at once.
        """
        if self._opening:
            return
        self.store_error = None
        if not self.workspace.exists:
            opened()
            return
        self._opening = True

        def done(error: RejudgeError | None) -> None:
            self._opening, self.store_error = False, error
            opened()

        self.background.start(self._open, lambda _: done(None), done)

    def _open(self) -> None:
        from core.store.read_only import open_for_reading

        if self.store is None:
            self.store = open_for_reading(self.workspace)

    def close(self, leaving: Callable[[], None]) -> None:
        """Stop the work, wait for it, then close the store; ``leaving`` is called before that."""
        self.background.closing = True
        if self.store is not None:
            self.store.interrupt()
        self.background.close()
        if self.store is not None:
            leaving()
            self.store.close()
            self.store = None

    @staticmethod
    def freeze_objects() -> None:
        """Freeze long-lived objects (gc.freeze): collecting them costs an eighth of each key."""
        if not gc.get_freeze_count():
            gc.freeze()


def _read_settings(workspace: Workspace) -> tuple[Settings, RejudgeError | None]:
    try:
        return workspace.settings(), None
    except RejudgeError as error:
        return Settings(), error
