"""Calibrating again while a person labels, without their feeling it."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from textual.timer import Timer

    from core.errors import RejudgeError
    from labels.calibration.records import CalibrationOutcome
    from tui.app import RejudgeApp

#: Seconds without a label after which fewer labels than were set are enough.
PAUSE: Final = 20.0
#: A calibration that took a second is not repeated for so many: it costs no more than a twentieth.
_REST: Final = 20.0


class Refitting:
    """Starts a calibration when labels came in, one at a time, in a thread of its own.

    Attributes:
        running: whether one is under way, by whoever it was started.
        waiting: labels given since the last one began.
    """

    def __init__(self, desk: RejudgeApp) -> None:
        self._desk = desk
        self._pause: Timer | None = None
        self._not_before = 0.0
        self._began = 0.0
        self.running = False
        self.waiting = 0

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
        store = self._desk.store
        if store is None or self.running or not self.waiting or monotonic() < self._not_before:
            return
        self.running, self.waiting, self._began = True, 0, monotonic()
        closing = self._closing

        def calibrate() -> CalibrationOutcome:
            from labels.calibration.calibrating import calibrate

            return calibrate(store, apart=True, cancelled=closing)

        self._desk.background.start(calibrate, self._done, self._failed, long=True)

    def _closing(self) -> bool:
        return self._desk.background.closing

    def _done(self, outcome: CalibrationOutcome) -> None:
        self._ended()
        if outcome.calibration is not None:
            self._desk.tell_calibrated()

    def _failed(self, error: RejudgeError) -> None:
        self._ended()
        self._desk.show_error(error)

    def _ended(self) -> None:
        now = monotonic()
        self.running = False
        self._not_before = now + _REST * (now - self._began)
