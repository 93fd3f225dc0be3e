"""Calibrating while a person works: by itself after labels came in, or when asked for."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

from core.errors import CancelledError

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.timer import Timer

    from core.errors import RejudgeError
    from core.records import Progress
    from labels.calibration.records import CalibrationOutcome
    from tui.app import RejudgeApp

    Done = Callable[[CalibrationOutcome], None]
    Failed = Callable[[RejudgeError], None]

#: Seconds without a label after which fewer labels than were set are enough.
PAUSE: Final = 20.0
#: A calibration that took a second is not repeated for so many: it costs no more than a twentieth.
_REST: Final = 20.0


class Refitting:
    """Starts calibrations, one at a time, in a thread of their own.

    Attributes:
        running: whether one is under way.
        asked_for: whether a person started it.
        stopping: whether it is to stop.
        progress: how far it is with the grades; None while it still learns.
        waiting: labels given since the last one began.
    """

    def __init__(self, desk: RejudgeApp) -> None:
        self._desk = desk
        self._pause: Timer | None = None
        self._not_before = 0.0
        self._began = 0.0
        self._since = 0.0
        self.running = False
        self.asked_for = False
        self.stopping = False
        self.progress: Progress | None = None
        self.waiting = 0

    @property
    def seconds(self) -> float:
        """How long it has been writing grades."""
        return monotonic() - self._since

    def label_given(self) -> None:
        """Count a label, and calibrate when it is time to."""
        after = self._desk.settings.refit_after
        if not after:
            return
        self.waiting += 1
        if self.waiting >= after:
            self.start()
        if self._pause is not None:
            self._pause.stop()
        self._pause = self._desk.set_timer(PAUSE, self.start)

    def start(self) -> None:
        """Calibrate, unless nothing came in, one is under way, or the last one was just now."""
        if self.waiting and not self.running and monotonic() >= self._not_before:
            self._run(lambda _: None, self._desk.show_error, asked_for=False)

    def start_now(self, done: Done, failed: Failed) -> None:
        """Calibrate because a person asked for it; nothing happens while one is under way."""
        if not self.running:
            self._run(done, failed, asked_for=True)

    def stop(self) -> None:
        """Have it end soon; the calibration before stands."""
        self.stopping = True

    def _run(self, done: Done, failed: Failed, *, asked_for: bool) -> None:
        store = self._desk.store
        if store is None:
            return
        self.running, self.stopping, self.asked_for = True, False, asked_for
        self.progress, self.waiting, self._began = None, 0, monotonic()
        tell, stopped = self._tell, self._stopped

        def calibrate() -> CalibrationOutcome:
            from labels.calibration.calibrating import calibrate

            return calibrate(store, apart=True, progress=tell, cancelled=stopped)

        def ended(outcome: CalibrationOutcome) -> None:
            self._ended()
            done(outcome)
            if outcome.calibration is not None:
                self._desk.tell_calibrated()

        def gave_up(error: RejudgeError) -> None:
            self._ended()
            if asked_for or not isinstance(error, CancelledError):
                failed(error)

        self._desk.background.start(calibrate, ended, gave_up, long=True)

    def _tell(self, progress: Progress) -> None:
        if self.progress is None:
            self._since = monotonic()
        self.progress = progress

    def _stopped(self) -> bool:
        return self.stopping or self._desk.background.closing

    def _ended(self) -> None:
        now = monotonic()
        self.running = False
        self._not_before = now + _REST * (now - self._began)
