"""MLX, or why there is none.

One thread for MLX, whoever asks.

MLX's streams belong to the thread that made them, and a thread that ends without clearing its own
can abort the process when it exits; a thread that has cleared them cannot use MLX again. So what is
asked from the main thread is done there, and what is asked from any other thread is done on one
that belongs to this module. It clears its streams and ends when it has been idle for a while, or
when the program ends; the next request starts another.
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


#: MLX orders the steps of an eval level by level while no level has more of them than this, 20
#: unless told, and else branch by branch. It has ten at work at a time, which would then all be of
#: one lane while the others are idle.
_WIDTH_VARIABLE: Final = "MLX_BFS_MAX_WIDTH"
_WIDTH: Final = "1000"


def require_mlx() -> None:
    """Import MLX with a fast BLAS under it, and have it keep several lanes at work.

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


T = TypeVar("T")
_LOOK: Final = 0.1
_LOOKS_BEFORE_END: Final = 20
_lock = threading.Lock()
_jobs: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = queue.SimpleQueue()
_thread: threading.Thread | None = None


def on_mlx_thread(call: Callable[[], T]) -> T:
    """Return what the call returns, or raise what it raises, once it has run where MLX may run."""
    current = threading.current_thread()
    if current in {threading.main_thread(), _thread}:
        return call()
    answer: Future[T] = Future()
    with _lock:
        _jobs.put((call, answer))
        _start()
    return answer.result()


def _start() -> None:
    global _thread  # noqa: PLW0603 - one thread for the process
    if _thread is None:
        _thread = threading.Thread(target=_serve, name="mlx")
        _thread.start()


def _serve() -> None:
    import mlx.core as mx

    idle = 0
    while idle < _LOOKS_BEFORE_END or not _end():
        try:
            call, answer = _jobs.get(timeout=_LOOK)
        except queue.Empty:
            # The main thread is over, but Python waits for this one before it exits.
            idle = idle + 1 if threading.main_thread().is_alive() else _LOOKS_BEFORE_END
            continue
        idle = 0
        try:
            answer.set_result(call())
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that asked
            answer.set_exception(error)
        # Nothing of a request may live until the next one: it can be large.
        del call, answer
    mx.clear_streams()


def _end() -> bool:
    """Let the next request start a new thread, unless one has come in meanwhile."""
    global _thread  # noqa: PLW0603 - see _start
    with _lock:
        if not _jobs.empty():
            return False
        _thread = None
        return True
