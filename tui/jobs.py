"""Work off the UI thread: a few threads, all joined before the store is closed."""

from __future__ import annotations

from asyncio import get_running_loop
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import TYPE_CHECKING, Final, TypeVar

from core.errors import RejudgeError
from core.jobs import Job

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import App
    from textual.timer import Timer
    from textual.worker import Worker

    from core.records import Progress

Result = TypeVar("Result")
#: Two may be busy for minutes, with the evaluations after a run and with another evaluation.
_THREADS: Final = 4


class Running:
    """Long work under way in a thread.

    Attributes:
        progress: its latest report; None before the first.
        stopping: whether it was asked to stop.
    """

    def __init__(self, closing: Callable[[], bool]) -> None:
        self.progress: Progress | None = None
        self.stopping = False
        self._closing = closing
        self._since = monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the current step began."""
        return monotonic() - self._since

    def stop(self) -> None:
        """Ask it to end soon."""
        self.stopping = True

    def report(self, progress: Progress) -> None:
        """Take a report; called from its thread."""
        if self.progress is None or progress.note != self.progress.note:
            self._since = monotonic()
        self.progress = progress

    def stopped(self) -> bool:
        """Return whether it should end; called from its thread."""
        return self.stopping or self._closing()

    @property
    def job(self) -> Job:
        """The callbacks for the function that does the work."""
        return Job(self.report, self.stopped)


class Background:
    """The threads of an app. Results and errors come back on the UI thread.

    Args:
        app: the app.
        failed: shows an error that the caller does not handle.
    """

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
        """Run ``work`` in a thread, then ``done`` with its result or ``failed`` with its error.

        Args:
            work: runs in the thread.
            done: takes its result.
            failed: takes its error; None: the error is shown.
            long: for CPU-bound work of seconds; it runs in a thread of its own.
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

    def run(
        self,
        work: Callable[[Running], Result],
        done: Callable[[Result], object],
        failed: Callable[[RejudgeError], None] | None = None,
        *,
        long: bool = False,
    ) -> Running:
        """Start work that reports progress and can be stopped; see ``start``."""
        running = Running(lambda: self.closing)
        self.start(lambda: work(running), done, failed, long=long)
        return running

    def submit(self, work: Callable[[], object]) -> None:
        """Run ``work`` in a thread; nobody waits for it."""
        if not self.closing:
            self._pool.submit(work)

    def set_timer(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back once, on the UI thread."""
        return self._app.set_timer(seconds, callback)

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
