"""Several streams at once, so that all cores work.

On the CPU each of MLX's streams runs in a thread of its own, and only the BLAS would use more
cores. So batches are computed side by side, one on each stream, with a BLAS of one thread. All of
it is started from the caller's thread, as MLX wants it.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

import mlx.core as mx

from core.encoder.blas import one_blas_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_MOST: Final = 8


class _Thread(threading.local):
    """What a thread has of its own: streams that were made for lanes, and the lane it is in."""

    def __init__(self) -> None:
        self.made: list[mx.Stream] = []
        self.lane: Lane | None = None


_thread = _Thread()


class Lane(NamedTuple):
    """One of the streams that compute side by side.

    Args:
        number: from 0.
        stream: one of the thread's own.
    """

    number: int
    stream: mx.Stream

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Put what is computed in the block into the lane."""
        before, _thread.lane = _thread.lane, self
        try:
            with mx.stream(self.stream):
                yield
        finally:
            _thread.lane = before


def this_lane() -> Lane:
    """Return the lane that this thread is in: outside of all lanes the first, on its own stream."""
    return _thread.lane or Lane(0, mx.default_stream(mx.default_device()))


def lane_count() -> int:
    """Return how many batches are computed side by side: the cores that this process may use."""
    if sys.platform != "linux" or mx.default_device().type != mx.DeviceType.cpu:
        return 1
    return min(len(os.sched_getaffinity(0)), _MOST)


def evaluated(calls: Sequence[Callable[[], mx.array]]) -> list[mx.array]:
    """Return the evaluated answers of the calls, each computed on a stream of its own."""
    if len(calls) == 1:
        answer = calls[0]()
        mx.eval(answer)
        return [answer]
    answers = []
    with one_blas_thread():
        for call, lane in zip(calls, lanes(len(calls)), strict=True):
            with lane.entered():
                answers.append(call())
        # One eval of all takes their steps in turn; one after the other would wait in line.
        mx.eval(answers)
    return answers


def lanes(count: int) -> list[Lane]:
    """Return so many lanes: on the default stream when it is one only.

    Their streams are this thread's own. MLX never frees one, so they are made once.
    """
    if count == 1:
        return [Lane(0, mx.default_stream(mx.default_device()))]
    while len(_thread.made) < count:
        _thread.made.append(mx.new_stream(mx.cpu))
    return [Lane(number, stream) for number, stream in enumerate(_thread.made[:count])]
