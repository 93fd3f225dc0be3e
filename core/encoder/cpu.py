"""MLX's CPU device on Linux, made fast: all cores at work, and exp and gelu vectorised.

Lanes. On the CPU each of MLX's streams runs in a thread of its own, and only the BLAS would use
more cores. So batches are computed side by side: each in a lane, which is a number and a stream,
with a BLAS of one thread. MLX wants all of it started from the caller's thread.

Polynomials. MLX computes exp and erf on the CPU one element at a time, about 15 ns each.
Multiplications and additions in one compiled loop are vectorised by the C++ compiler: about 1 ns
for an exp. A loop holds at most 11 operations in a row, so exp and the derivative of gelu are
computed in steps. Comparisons keep a loop from being vectorised, so bounds are written with
absolute values. Metal and CUDA have fast functions of their own.

The coefficients were fitted for this file: for 2**f by weighted least squares over Chebyshev nodes
with the error equalised; for gelu and its derivative as a half and an odd quotient of polynomials,
in the same way with the quotient linearised. After rounding, exp is within 5e-6 relative over its
range, gelu within 4e-6 (beyond |x| = 12 within 2e-7 |x|), and its derivative within 1e-6.
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

_MOST_LANES: Final = 8
#: Compiled loops that are kept apart by the shapes of their arrays.
_LOOPS: Final = 5
_LOG2_E: Final = 1 / math.log(2)
#: Adding 1.5 * 2**23 to a float32 and subtracting it again rounds to a whole number.
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
#: Beyond these |x| the odd parts of gelu and of its derivative are constant.
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


class Lane(NamedTuple):
    """A stream that computes beside others.

    Args:
        number: from 0.
        stream: belongs to the thread that made the lane.
    """

    number: int
    stream: mx.Stream

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Compute in this lane for as long as the block lasts."""
        before, _thread.lane = _thread.lane, self
        try:
            with mx.stream(self.stream):
                yield
        finally:
            _thread.lane = before


class _Thread(threading.local):
    """The streams that a thread has made for lanes, and the lane that it is in."""

    def __init__(self) -> None:
        self.streams: list[mx.Stream] = []
        self.lane: Lane | None = None


_thread = _Thread()


def this_lane() -> Lane:
    """Return the lane that this thread is in; outside of all lanes number 0, on its own stream."""
    return _thread.lane or Lane(0, mx.default_stream(mx.default_device()))


def lane_count() -> int:
    """Return how many batches to compute side by side: one for each core of this process."""
    if sys.platform != "linux" or mx.default_device().type != mx.DeviceType.cpu:
        return 1
    return min(len(os.sched_getaffinity(0)), _MOST_LANES)


def lanes(count: int) -> list[Lane]:
    """Return this many lanes of this thread; a single one is on the default stream.

    MLX never frees a stream, so each is made once.
    """
    if count == 1:
        return [Lane(0, mx.default_stream(mx.default_device()))]
    while len(_thread.streams) < count:
        _thread.streams.append(mx.new_stream(mx.cpu))
    return [Lane(number, stream) for number, stream in enumerate(_thread.streams[:count])]


def evaluate_in_lanes(calls: Sequence[Callable[[], mx.array]]) -> list[mx.array]:
    """Return the evaluated results of the calls, each computed in a lane of its own."""
    if len(calls) == 1:
        answer = calls[0]()
        mx.eval(answer)
        return [answer]
    answers = []
    with one_blas_thread():
        for call, lane in zip(calls, lanes(len(calls)), strict=True):
            with lane.entered():
                answers.append(call())
        # A single eval interleaves their steps; one eval after another would not overlap.
        mx.eval(answers)
    return answers


@cache
def usable() -> bool:
    """Return whether the polynomials run fused here: MLX's CPU device, Linux, a C++ compiler.

    MLX calls ``g++`` when a function is first compiled, so this is found out by trying.
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
    """Return whether to use the polynomials, which are for float32, on this array."""
    return x.dtype == mx.float32 and usable()


def differentiable(function: Callable[..., object], vjp: Callable[..., object]) -> object:
    """Return the function with a custom derivative.

    The derivative is computed in the lane that the function was called in. MLX would compute it on
    the thread's default stream, where the derivatives of all lanes would queue up.

    Args:
        function: takes arrays, returns one array or several.
        vjp: takes the function's inputs, the gradient of a loss by its outputs, and the outputs;
            returns the gradient by the inputs. Each is an array, or a tuple where the function
            takes or returns several.
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


def _exp(x: mx.array) -> mx.array:
    """Return e**x for -1e9 <= x <= 80, float32; 0 below -87.7."""
    row = _own_shape(x, 1)
    power = _exponent_bits(_own_shape(x, 0)).view(mx.float32)
    return _scaled_fraction(row, power.reshape(row.shape)).reshape(x.shape)


@mx.compile
def _exponent_bits(x: mx.array) -> mx.array:
    """Return the bits of the float 2**round(x / ln 2); those of 0 where that is below 2**-126.

    The smallest float instead of 0 would make products with it denormal, and a matrix product over
    denormal numbers takes up to a hundred times as long.
    """
    above = (x * _LOG2_E + _ROUND) - (_ROUND - 127.0)
    return ((above + mx.abs(above)) * 2.0**22).astype(mx.int32)


@mx.compile
def _scaled_fraction(x: mx.array, power: mx.array) -> mx.array:
    """Return 2**f * power, where f is the remainder of x / ln 2 after rounding."""
    c = _EXP2
    t = x * _LOG2_E
    f = t - ((t + _ROUND) - _ROUND)
    f2 = f * f
    low = (c[0] + c[1] * f) + (c[2] + c[3] * f) * f2
    return (low + ((c[4] + c[5] * f) + c[6] * f2) * (f2 * f2)) * power


def _own_shape(x: mx.array, loop: int) -> mx.array:
    """Return x as a single row, in a shape that only this loop in this lane has.

    Inside a larger compiled function MLX splits the loops differently and computes what two of them
    share in a third, which halves their speed. It also merges equal constants of the same shape, so
    that the loops of one lane wait for another and read their constant element by element. Reshapes
    between loops, and a shape for each, prevent both.
    """
    ones = _LOOPS * this_lane().number + loop
    return x.reshape(*[1] * ones, -1)


def _exp_vjp(_: mx.array, cotangent: mx.array, output: mx.array) -> mx.array:
    return cotangent * output


#: e**x with a derivative, which the conversion of floats to bits lacks.
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
    """Return 2 x, clipped to where the derivative varies."""
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
