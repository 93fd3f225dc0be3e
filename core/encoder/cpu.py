"""exp and gelu for MLX's CPU device, as polynomials that ``mx.compile`` fuses.

MLX computes exp and erf on the CPU one element at a time, about 15 ns each. Multiplications and
additions in one compiled loop are vectorised by the C++ compiler: about 1 ns for an exp. One loop
holds at most 11 operations in a row, hence the steps in which exp and the derivative of gelu are
made. Comparisons keep the loop from being vectorised, so bounds are written with absolute values.

Metal and CUDA have fast functions of their own: these forms are for the CPU on Linux only.

The coefficients were fitted for this file: for 2**f by weighted least squares over Chebyshev nodes
with the error equalised, for gelu and its derivative as a half and an odd quotient of polynomials,
by the same with the quotient linearised. After rounding exp is within 5e-6 relative over its range,
gelu within 4e-6 (beyond |x| = 12 within 2e-7 |x|) and its derivative within 1e-6.

Several streams at once, so that all cores work.

On the CPU each of MLX's streams runs in a thread of its own, and only the BLAS would use more
cores. So batches are computed side by side, one on each stream, with a BLAS of one thread. All of
it is started from the caller's thread, as MLX wants it.
"""

from __future__ import annotations

import math
import os
import shutil
import sys
import threading
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple, cast

import mlx.core as mx

from core.encoder.blas import one_blas_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Unary = Callable[[mx.array], mx.array]

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


#: Loops that are told apart by their shape.
_LOOPS: Final = 5
_LOG2_E: Final = 1 / math.log(2)
#: Adding 1.5 * 2**23 to a float32 and taking it away again rounds it to a whole number.
_ROUND: Final = 12582912.0
_EXP2: Final = (
    1.0,
    0.6931471824645996,
    0.24022647738456726,
    0.055503323674201965,
    0.00961843691766262,
    0.0013398875016719103,
    0.00015353360504377633,
)
#: Beyond these |x| the odd parts of gelu and of its derivative stay what they are there.
_GELU_END: Final = 4.95
_SLOPE_END: Final = 5.5
#: gelu(x) = x / 2 + x z A(y) B(y) / (C(y) D(y)), z = 2 clip(x), y = z * z; B and C lead with 1.
_GELU_A: Final = (0.00012585950025822967, 5.294834863889264e-07)
_GELU_B: Final = (1584.989990234375, 22.776905059814453)
_GELU_C: Final = (1414.8328857421875, 37.527008056640625)
_GELU_D: Final = (0.000706797291059047, 2.3873599275248125e-05, 1.743437927359537e-08)
#: gelu'(x) = 1 / 2 + z P(y) / Q(y).
_SLOPE_P: Final = (
    0.3989424705505371,
    -0.004200074356049299,
    0.00044321714085526764,
    -1.1977250835570885e-07,
    6.46747082555521e-08,
    5.232668118249073e-11,
    4.241551364693799e-14,
)
_SLOPE_Q: Final = (
    1.0,
    0.07280632853507996,
    0.002490047365427017,
    5.211303141550161e-05,
    6.959655820537591e-07,
    7.159578707671699e-09,
)


def differentiable(function: Callable[..., object], vjp: Callable[..., object]) -> object:
    """Return the function with a derivative of its own.

    The derivative is computed in the lane that the function was called in. MLX would compute it on
    the thread's default stream, where all lanes would stand in line.

    Args:
        function: takes arrays, returns one or several.
        vjp: takes what the function took, the slopes of a loss in what it returned, and that
            itself; returns the slopes in what it took. Each is an array, or a tuple where the
            function takes or returns several.
    """

    def called(*arrays: mx.array) -> object:
        lane = this_lane()

        def in_lane(*known: object) -> object:
            with lane.entered():
                return vjp(*known)

        made = mx.custom_function(function)
        made.vjp(in_lane)
        return made(*arrays)

    return called


@mx.compile
def _exponent_bits(x: mx.array) -> mx.array:
    """Return the bits of the float 2**round(x / ln 2), and those of 0 where that is below 2**-126.

    Not the smallest float instead of 0: what is multiplied by that becomes denormal, and a matrix
    product over denormal numbers takes up to a hundred times as long.
    """
    above = (x * _LOG2_E + _ROUND) - (_ROUND - 127.0)
    return ((above + mx.abs(above)) * 2.0**22).astype(mx.int32)


@mx.compile
def _scaled_fraction(x: mx.array, power: mx.array) -> mx.array:
    """Return 2**(what rounding left of x / ln 2) * power."""
    c = _EXP2
    t = x * _LOG2_E
    f = t - ((t + _ROUND) - _ROUND)
    f2 = f * f
    low = (c[0] + c[1] * f) + (c[2] + c[3] * f) * f2
    return (low + ((c[4] + c[5] * f) + c[6] * f2) * (f2 * f2)) * power


def _exp(x: mx.array) -> mx.array:
    """Return e**x for -1e9 <= x <= 80, float32; below -87.7 it is 0."""
    row = _own_shape(x, 1)
    power = _exponent_bits(_own_shape(x, 0)).view(mx.float32)
    return _scaled_fraction(row, power.reshape(row.shape)).reshape(x.shape)


def _own_shape(x: mx.array, loop: int) -> mx.array:
    """Return all of x as one row, in a shape that only this loop in this lane has.

    Inside a larger compiled function MLX cuts the loops anew and computes what two of them share in
    a third one; they run half as fast. And it makes one of two equal constants that are spread to
    one shape, so that the loops of one lane wait for another, and step through their constant
    element by element. A reshape between loops, and a shape for each, keep them as they are.
    """
    ones = _LOOPS * this_lane().number + loop
    return x.reshape(*[1] * ones, -1)


def _exp_vjp(_: mx.array, cotangent: mx.array, output: mx.array) -> mx.array:
    return cotangent * output


#: e**x with a derivative: what turns floats into bits has none.
exp = cast("Unary", differentiable(_exp, _exp_vjp))


@mx.compile
def _gelu_loop(x: mx.array) -> mx.array:
    a, b, c, d = _GELU_A, _GELU_B, _GELU_C, _GELU_D
    z = mx.abs(x + _GELU_END) - mx.abs(x - _GELU_END)
    y = z * z
    y2 = y * y
    above = ((x * z) * (a[0] + a[1] * y)) * ((b[0] + b[1] * y) + y2)
    return 0.5 * x + above / (((c[0] + c[1] * y) + y2) * ((d[0] + d[1] * y) + d[2] * y2))


def _gelu(x: mx.array) -> mx.array:
    """Return x times the normal distribution function of x, float32, |x| < 1e6."""
    return _gelu_loop(_own_shape(x, 2)).reshape(x.shape)


@mx.compile
def _clipped(x: mx.array) -> mx.array:
    """Return x within the bounds of the derivative, times 2."""
    return mx.abs(x + _SLOPE_END) - mx.abs(x - _SLOPE_END)


@mx.compile
def _scaled_slope(cotangent: mx.array, z: mx.array) -> mx.array:
    """Return the cotangent times gelu's derivative at z / 2."""
    p, q = _SLOPE_P, _SLOPE_Q
    y = z * z
    y2 = y * y
    above = ((p[0] + p[1] * y) + (p[2] + p[3] * y) * y2) + ((p[4] + p[5] * y) + p[6] * y2) * (
        y2 * y2
    )
    below = (q[0] + q[1] * y) + ((q[2] + q[3] * y) + (q[4] + q[5] * y) * y2) * y2
    return 0.5 * cotangent + (cotangent * z) * above / below


def _gelu_vjp(x: mx.array, cotangent: mx.array, _: mx.array) -> mx.array:
    row = _own_shape(cotangent, 4)
    z = _clipped(_own_shape(x, 3)).reshape(row.shape)
    return _scaled_slope(row, z).reshape(x.shape)


gelu = cast("Unary", differentiable(_gelu, _gelu_vjp))


def sigmoid(x: mx.array) -> mx.array:
    """Return 1 / (1 + e**-x), float32."""
    size = exp(-mx.abs(x))
    low = size / (1.0 + size)
    return mx.where(x >= 0, 1.0 - low, low)


@cache
def usable() -> bool:
    """Say whether these forms run fused here: MLX's CPU device, Linux, a working C++ compiler.

    MLX calls ``g++`` when a function is first compiled; the answer is found by trying.
    """
    if sys.platform != "linux" or mx.default_device().type != mx.DeviceType.cpu:
        return False
    if shutil.which("g++") is None:
        return False
    try:
        mx.eval(gelu(exp(mx.array([[-1.0, 0.0]]))))
    except RuntimeError:
        return False
    return True


def takes(x: mx.array) -> bool:
    """Say whether these forms, which are for float32, are to be used on x."""
    return x.dtype == mx.float32 and usable()
