"""Calibration while a person works: by itself after new labels, or on request."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

from core.errors import CancelledError, RejudgeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.timer import Timer

    from core.store.database import Store
    from labels.calibration.store import CalibrationOutcome
    from tui.jobs import Background, Running

    Done = Callable[[CalibrationOutcome], None]
    Failed = Callable[[RejudgeError], None]

#: Seconds without a label after which fewer labels than were set are enough.
PAUSE: Final = 20.0
#: A calibration of one second is not repeated for this many: it costs at most a twentieth.
_REST: Final = 20.0


class Recalibration:
    """Starts calibrations, one at a time, in a thread of their own.

    Args:
        background: the threads.
        calibrated: called after each calibration that changed the grades.
        failed: shows the error of a calibration that nobody asked for.

    Attributes:
        running: the calibration under way; None: there is none.
        requested: whether a person started it.
        waiting: labels given since the last calibration began.
    """

    def __init__(
        self, background: Background, calibrated: Callable[[], None], failed: Failed
    ) -> None:
        self._background = background
        self._calibrated = calibrated
        self._failed = failed
        self._pause: Timer | None = None
        self._not_before = 0.0
        self._began = 0.0
        self.running: Running | None = None
        self.requested = False
        self.waiting = 0

    def label_given(self, store: Store, after: int) -> None:
        """Count a label; calibrate after ``after`` of them, or after a pause. 0: never."""
        if not after:
            return
        self.waiting += 1
        if self.waiting >= after:
            self.start(store)
        if self._pause is not None:
            self._pause.stop()
        self._pause = self._background.set_timer(PAUSE, lambda: self.start(store))

    def start(self, store: Store) -> None:
        """Calibrate, unless there is no new label, or one is under way or just ended."""
        if self.waiting and self.running is None and monotonic() >= self._not_before:
            self._run(store, lambda _: None, self._failed, requested=False)

    def start_now(self, store: Store, done: Done, failed: Failed) -> None:
        """Calibrate on request; nothing happens while a calibration is under way."""
        if self.running is None:
            self._run(store, done, failed, requested=True)

    def _run(self, store: Store, done: Done, failed: Failed, *, requested: bool) -> None:
        self.requested, self.waiting, self._began = requested, 0, monotonic()

        def calibrate(running: Running) -> CalibrationOutcome:
            from labels.calibration.calibrating import calibrate

            return calibrate(store, running.job, apart=True)

        def ended(outcome: CalibrationOutcome) -> None:
            self._ended()
            done(outcome)
            if outcome.calibration is not None:
                self._calibrated()

        def gave_up(error: RejudgeError) -> None:
            self._ended()
            if requested or not isinstance(error, CancelledError):
                failed(error)

        self.running = self._background.run(calibrate, ended, gave_up, long=True)

    def _ended(self) -> None:
        now = monotonic()
        self.running = None
        self._not_before = now + _REST * (now - self._began)
