"""Several streams at once, so that all cores work.

On the CPU each of MLX's streams runs in a thread of its own, and only the BLAS would use more
cores. So batches are computed side by side, one on each stream, with a BLAS of one thread. All of
it is started from the caller's thread, as MLX wants it.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Final

import mlx.core as mx

from core.encoder.blas import one_blas_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MOST: Final = 8
_streams = threading.local()


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
        for call, stream in zip(calls, lane_streams(len(calls)), strict=True):
            with mx.stream(stream):
                answers.append(call())
        # One eval of all takes their steps in turn; one after the other would wait in line.
        mx.eval(answers)
    return answers


def lane_streams(count: int) -> list[mx.Stream]:
    """Return the streams of the lanes: the default one when there is one lane only.

    They are this thread's own. MLX never frees one, so they are made once.
    """
    if count == 1:
        return [mx.default_stream(mx.default_device())]
    made: list[mx.Stream] = _streams.__dict__.setdefault("made", [])
    while len(made) < count:
        made.append(mx.new_stream(mx.cpu))
    return made[:count]
