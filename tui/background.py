"""Work off the UI thread: a few threads that are always joined before the store is closed."""

from __future__ import annotations

from asyncio import get_running_loop
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from core.errors import RejudgeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import App
    from textual.worker import Worker

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
