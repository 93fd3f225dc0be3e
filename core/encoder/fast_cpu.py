"""exp and gelu for MLX's CPU device, as polynomials that ``mx.compile`` fuses.

MLX computes exp and erf on the CPU one element at a time, about 15 ns each. Multiplications and
additions in one compiled loop are vectorised by the C++ compiler: about 1 ns for an exp. One loop
holds at most 11 operations in a row, hence the two steps of each function. Comparisons keep the
loop from being vectorised, so bounds are written with absolute values.

Metal and CUDA have fast functions of their own: these forms are for the CPU on Linux only.

The coefficients were fitted for this file: for 2**f by weighted least squares over Chebyshev nodes
with the error equalised (relative error 2e-9 before rounding), for erf as z P(z*z) / Q(z*z) on
|z| <= 3.85 by the same with a linearised quotient (absolute error 4e-8 before rounding). After
rounding exp is within 5e-6 relative over its range and gelu within 2e-6 absolute.
"""

from __future__ import annotations

import math
import shutil
import sys
from functools import cache
from typing import TYPE_CHECKING, Final, cast

import mlx.core as mx

if TYPE_CHECKING:
    from collections.abc import Callable

    Unary = Callable[[mx.array], mx.array]

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
_ERF_END: Final = 3.85
_ERF_P: Final = (
    1.1283788681030273,
    0.19961172342300415,
    0.050545401871204376,
    0.003710256889462471,
    0.00014389715215656906,
    -2.006184331548866e-06,
    2.0648219134500323e-08,
)
_ERF_Q: Final = (
    1.0,
    0.5102308988571167,
    0.11488603055477142,
    0.014344613067805767,
    0.0009643355733714998,
)


def _differentiable(
    function: Unary, vjp: Callable[[mx.array, mx.array, mx.array], mx.array]
) -> Unary:
    """Return the function with a derivative: what turns floats into bits has none of its own."""
    made = mx.custom_function(function)
    made.vjp(vjp)
    return cast("Unary", made)


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
    row = x.reshape(1, -1)
    power = _exponent_bits(x.reshape(-1)).view(mx.float32)
    return _scaled_fraction(row, _apart(power, row)).reshape(x.shape)


def _apart(flat: mx.array, row: mx.array) -> mx.array:
    """Return the array as a row.

    Inside a larger compiled function MLX cuts the loops anew, computes what two of them share in a
    third one, and they run half as fast. A reshape between them, and an input in another shape for
    each, keep them as they are.
    """
    return flat.reshape(row.shape)


def _exp_vjp(_: mx.array, cotangent: mx.array, output: mx.array) -> mx.array:
    return cotangent * output


exp = _differentiable(_exp, _exp_vjp)


@mx.compile
def _erf_parts(x: mx.array) -> tuple[mx.array, mx.array]:
    """Return the numerator of erf(z) and z * z, for z = x / sqrt 2 kept within its bounds."""
    p = _ERF_P
    z = x * math.sqrt(0.5)
    z = 0.5 * (mx.abs(z + _ERF_END) - mx.abs(z - _ERF_END))
    y = z * z
    y2 = y * y
    high = (p[4] + p[5] * y) + p[6] * y2
    return z * (((p[0] + p[1] * y) + (p[2] + p[3] * y) * y2) + high * (y2 * y2)), y


@mx.compile
def _scaled_cdf(x: mx.array, numerator: mx.array, y: mx.array) -> mx.array:
    """Return x (1 + erf) / 2."""
    q = _ERF_Q
    y2 = y * y
    half = 0.5 * x
    return half + half * numerator / ((q[0] + q[1] * y) + ((q[2] + q[3] * y) + q[4] * y2) * y2)


def _gelu(x: mx.array) -> mx.array:
    """Return x times the normal distribution function of x, float32, |x| < 1e6."""
    row = x.reshape(1, -1)
    return _scaled_cdf(row, *(_apart(part, row) for part in _erf_parts(x.reshape(-1)))).reshape(
        x.shape
    )


@mx.compile
def _scaled_slope(
    x: mx.array, cotangent: mx.array, numerator: mx.array, y: mx.array, bell: mx.array
) -> mx.array:
    """Return cotangent ((1 + erf) / 2 + x bell / sqrt(2 pi))."""
    q = _ERF_Q
    y2 = y * y
    half = 0.5 * numerator / ((q[0] + q[1] * y) + ((q[2] + q[3] * y) + q[4] * y2) * y2)
    return cotangent * ((0.5 + half) + (1 / math.sqrt(2 * math.pi)) * x * bell)


def _gelu_vjp(x: mx.array, cotangent: mx.array, _: mx.array) -> mx.array:
    row = x.reshape(1, -1)
    # In a shape of its own again, so that nothing is shared with the function's loops.
    numerator, y = (_apart(part, row) for part in _erf_parts(x.reshape(1, 1, -1)))
    column = x.reshape(-1, 1)
    bell = _exp(-0.5 * column * column).reshape(row.shape)
    return _scaled_slope(row, cotangent.reshape(1, -1), numerator, y, bell).reshape(x.shape)


gelu = _differentiable(_gelu, _gelu_vjp)


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
