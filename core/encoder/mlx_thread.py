"""One thread for MLX, whoever asks.

MLX's streams belong to the thread that made them, and a thread that ends without clearing its own
can abort the process when it exits; a thread that has cleared them cannot use MLX again. So what is
asked from the main thread is done there, and what is asked from any other thread is done on one
that belongs to this module. It clears its streams and ends when it has been idle for a while, or
when the program ends; the next request starts another.
"""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

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
