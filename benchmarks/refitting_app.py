"""The audit screen, which calibrates half of the time and writes down when.

    python benchmarks/refitting_app.py NOTES

appends ``began`` and ``ended`` to the file NOTES, each with the clock that all processes share.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from core.workspace import Workspace
from tui.app import AuditFirstApp
from tui.recalibration import Recalibration

if TYPE_CHECKING:
    from core.store.database import Store
    from tui.recalibration import Done, Failed

NOTES = Path(sys.argv[1])


class NotedRecalibration(Recalibration):
    """Rests as long as the calibration took, where a person's app rests twenty times as long."""

    def _run(self, store: Store, done: Done, failed: Failed, *, requested: bool) -> None:
        _note("began")
        super()._run(store, done, failed, requested=requested)

    def _ended(self) -> None:
        super()._ended()
        now = time.monotonic()
        self._not_before = now + (now - self._began)
        _note("ended")


class CalibratingApp(AuditFirstApp):
    """The app, calibrating more often."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.context.recalibration = NotedRecalibration(
            self.context.background, self._calibrated, self.show_error
        )


def _note(what: str) -> None:
    with NOTES.open("a", encoding="utf-8") as file:
        file.write(f"{what} {time.monotonic()}\n")


if __name__ == "__main__":
    CalibratingApp(Workspace(Path.cwd())).run()
