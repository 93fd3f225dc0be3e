"""Work off the UI thread: a few threads that are always joined before the store is closed.

Calibrating while a person works: by itself after labels came in, or when asked for.

An eval that runs while a person looks on.

What the train screen does off its thread: counting a training set, preparing a run.

A trial of a rubric that runs while a person looks on.
"""

from __future__ import annotations

from asyncio import get_running_loop
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Final, TypeVar

from core.errors import CancelledError, InputError, RejudgeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import App
    from textual.timer import Timer
    from textual.worker import Worker

    from core.records import Progress
    from core.store.database import Store
    from eval.evals import Eval
    from eval.evaluating import EvalRequest
    from labels.calibration.store import CalibrationOutcome
    from labels.judges.judge import JudgingProgress
    from labels.workshop.trials import Trial, TrialResult
    from train.config import RunConfig
    from train.dataset.records import TrainingSetPlan
    from train.dataset.summary import TrainingSetSummary
    from train.runs.folder import RunFolder
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


class Clocked:
    """A long job that tells how far it is, since when it is at that, and can be stopped.

    Args:
        closing: whether the app is about to end.
    """

    def __init__(self, closing: Callable[[], bool]) -> None:
        self.progress: Progress | None = None
        self.stopping = False
        self._closing = closing
        self._note = ""
        self._since = monotonic()

    def stop(self) -> None:
        """Have it end soon, without its result."""
        self.stopping = True

    @property
    def seconds(self) -> float:
        """How long it is at what it does now."""
        return monotonic() - self._since

    def tell(self, progress: Progress) -> None:
        """Take how far it is; called from its thread."""
        if progress.note != self._note:
            self._note, self._since = progress.note, monotonic()
        self.progress = progress

    def stopped(self) -> bool:
        """Whether it is to end; asked from its thread."""
        return self.stopping or self._closing()


class EvalJob(Clocked):
    """One eval, from the key that started it to its end.

    Args:
        request: what runs.
        closing: whether the app is about to end.
    """

    def __init__(self, request: EvalRequest, closing: Callable[[], bool]) -> None:
        super().__init__(closing)
        self.request = request

    def run(self, store: Store) -> Eval:
        """Run it in this thread.

        Raises:
            RejudgeError: it could not be run, or was stopped.
        """
        from core.jobs import Job
        from eval.evaluating import run_request

        return run_request(store, self.request, Job(self.tell, self.stopped))


@dataclass(frozen=True, slots=True)
class Counted:
    """A training set in figures; ``problem`` says why it will not do, empty when it will."""

    summary: TrainingSetSummary
    problem: str


class Counting(Clocked):
    """Counts what a plan would train on."""

    def __init__(self, plan: TrainingSetPlan, closing: Callable[[], bool]) -> None:
        super().__init__(closing)
        self._plan = plan

    def run(self, store: Store) -> Counted:
        """Count in this thread.

        Raises:
            InputError: the plan cannot be.
            CancelledError: it was stopped.
        """
        from core.jobs import Job
        from train.dataset.building import build_training_set
        from train.dataset.enough import require_enough

        _, summary = build_training_set(store, self._plan, Job(self.tell, self.stopped))
        try:
            require_enough(summary)
        except InputError as error:
            return Counted(summary, str(error))
        return Counted(summary, "")


class Preparing(Clocked):
    """Makes a run's folder and starts its worker."""

    def __init__(
        self, config: RunConfig, plan: TrainingSetPlan, closing: Callable[[], bool]
    ) -> None:
        super().__init__(closing)
        self._config = config
        self._plan = plan

    def run(self, store: Store) -> RunFolder:
        """Make it in this thread.

        Raises:
            RejudgeError: it cannot be made or started, or it was stopped.
        """
        from core.jobs import Job
        from train.runs.making import make_run
        from train.runs.process import launch

        folder, _ = make_run(store, self._config, self._plan, Job(self.tell, self.stopped))
        launch(folder)
        return folder


class TrialJob:
    """One trial, from the key that started it to its end.

    Args:
        trial: what runs.
        closing: whether the app is about to end.
    """

    def __init__(self, trial: Trial, closing: Callable[[], bool]) -> None:
        self.trial = trial
        self.progress: JudgingProgress | None = None
        self.stopping = False
        self._closing = closing

    def run(self, store: Store) -> TrialResult:
        """Run it in this thread.

        Raises:
            RejudgeError: it could not be run.
        """
        from labels.workshop.trials import run_trial

        return run_trial(store, self.trial, progress=self._tell, cancelled=self._stopped)

    def stop(self) -> None:
        """Have it end soon; what was judged is kept."""
        self.stopping = True

    def _tell(self, progress: JudgingProgress) -> None:
        self.progress = progress

    def _stopped(self) -> bool:
        return self.stopping or self._closing()


Result = TypeVar("Result")
#: One may be busy for minutes with the evals after a run, one with another eval.
_THREADS = 4


class Background:
    """Threads of one app. Results and errors come back on the UI thread."""

    def __init__(self, app: App[None], failed: Callable[[RejudgeError], None]) -> None:
        self._app = app
        self._failed = failed
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="rejudge")
        self._long: ThreadPoolExecutor | None = None
        self.closing = False

    def start(
        self,
        work: Callable[[], Result],
        done: Callable[[Result], object],
        failed: Callable[[RejudgeError], None] | None = None,
        *,
        long: bool = False,
    ) -> None:
        """Run ``work`` in a thread, then ``done`` with its result, or ``failed`` with its error.

        Args:
            work: what is done in the thread.
            done: gets its result.
            failed: gets its error; None: the error is shown.
            long: for what takes seconds: it has a thread of its own and keeps no other waiting.
        """
        pool = self._long_pool() if long else self._pool

        async def job() -> None:
            if self.closing:
                return
            try:
                result = await get_running_loop().run_in_executor(pool, work)
            except RejudgeError as error:
                if not self.closing:
                    (failed or self._failed)(error)
            else:
                if not self.closing:
                    done(result)

        if not self.closing:
            _: Worker[None] = self._app.run_worker(job, exit_on_error=False)

    def submit(self, work: Callable[[], object]) -> None:
        """Run ``work`` in a thread; nobody waits for it."""
        if not self.closing:
            self._pool.submit(work)

    def close(self) -> None:
        """Drop what has not begun and wait for what has."""
        self.closing = True
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._long is not None:
            self._long.shutdown(wait=True, cancel_futures=True)

    def _long_pool(self) -> ThreadPoolExecutor:
        if self._long is None:
            self._long = ThreadPoolExecutor(1, thread_name_prefix="rejudge-long")
        return self._long
