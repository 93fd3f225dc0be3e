"""MLX made ready for use, and the thread that it runs on.

MLX's streams belong to the thread that made them. A thread that ends without clearing its streams
can abort the process when that exits, and a thread that has cleared them cannot use MLX again. So
calls from the main thread run there, and calls from all other threads run on one thread of this
module. That thread clears its streams and ends after two seconds without work, or when the program
ends; the next call starts another.
"""

from __future__ import annotations

import os
import platform
import queue
import sys
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final, TypeVar

from core.encoder.blas import load_blas
from core.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
#: MLX schedules the steps of an evaluation level by level while no level has more steps than this
#: (20 by default), and branch by branch otherwise. It keeps ten steps in progress, which would then
#: all belong to one stream while the others are idle.
_WIDTH_VARIABLE: Final = "MLX_BFS_MAX_WIDTH"
_WIDTH: Final = "1000"
_POLL_SECONDS: Final = 0.1
_IDLE_POLLS: Final = 20
_lock = threading.Lock()
_jobs: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = queue.SimpleQueue()
_thread: threading.Thread | None = None


def require_mlx() -> None:
    """Import MLX on top of a fast BLAS, set up to keep several streams busy.

    Raises:
        UnavailableError: MLX is not installed, has no wheel for this machine, or does not load.
    """
    load_blas()
    if sys.platform == "linux":
        os.environ.setdefault(_WIDTH_VARIABLE, _WIDTH)
    try:
        import mlx.core  # noqa: F401
    except ImportError as error:
        machine = f"{sys.platform} {platform.machine()}"
        raise UnavailableError(
            f"encoding needs MLX, which does not load on this machine ({machine}): {error}",
            todo="MLX has wheels for macOS on arm64 and for Linux on x86_64 and aarch64:"
            " pip install 'mlx[cpu]', on a Mac pip install mlx.",
        ) from error


def on_mlx_thread(call: Callable[[], T]) -> T:
    """Run a call on a thread that may use MLX; return its result or raise its error."""
    current = threading.current_thread()
    if current in {threading.main_thread(), _thread}:
        return call()
    answer: Future[T] = Future()
    with _lock:
        _jobs.put((call, answer))
        _start_thread()
    return answer.result()


def _start_thread() -> None:
    global _thread  # noqa: PLW0603 - one thread for the process
    if _thread is None:
        _thread = threading.Thread(target=_serve, name="mlx")
        _thread.start()


def _serve() -> None:
    import mlx.core as mx

    idle = 0
    while idle < _IDLE_POLLS or not _retire():
        try:
            call, answer = _jobs.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            # At exit the main thread is dead already, and Python waits for this one.
            idle = idle + 1 if threading.main_thread().is_alive() else _IDLE_POLLS
            continue
        idle = 0
        try:
            answer.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised in the calling thread
            answer.set_exception(error)
        # A request can be large, so nothing of it is kept until the next one.
        del call, answer
    mx.clear_streams()


def _retire() -> bool:
    """Give up the place of the serving thread, unless a call has just come in."""
    global _thread  # noqa: PLW0603 - see _start_thread
    with _lock:
        if not _jobs.empty():
            return False
        _thread = None
        return True
