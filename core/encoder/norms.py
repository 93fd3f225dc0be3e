"""Layer norm and RMS norm, in the form that is fast where they run."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, cast

import mlx.core as mx
from mlx import nn

from core.encoder.fast_cpu import differentiable, takes

if TYPE_CHECKING:
    from collections.abc import Callable

    Standardised = Callable[[mx.array], tuple[mx.array, mx.array]]


class LayerNorm(nn.LayerNorm):
    """Layer norm (Ba et al. 2016, arXiv:1607.06450)."""

    def __call__(self, x: mx.array) -> mx.array:
        """Return the rows of x with mean 0 and variance 1, times the weight, plus the bias."""
        if not takes(x):
            return super().__call__(x)
        rows = _standardised(self.eps, centred=True)(x)[0]
        return (
            _scaled_and_moved(rows, self.weight, self.bias)
            if "bias" in self
            else rows * self.weight
        )


class RMSNorm(nn.RMSNorm):
    """RMS norm (Zhang and Sennrich 2019, arXiv:1910.07467)."""

    def __call__(self, x: mx.array) -> mx.array:
        """Return the rows of x with a mean square of 1, times the weight."""
        if not takes(x):
            return super().__call__(x)
        return _standardised(self.eps, centred=False)(x)[0] * self.weight


@cache
def _standardised(epsilon: float, *, centred: bool) -> Standardised:
    """Return the function that standardises rows and gives the factor of each (..., 1) beside them.

    Its derivative needs no more of the forward pass than these two. Means are products with a
    vector, which take a third of the time of MLX's sums over the last axis.
    """

    def forward(x: mx.array) -> tuple[mx.array, mx.array]:
        if centred:
            x = x - _means(x)
        factor = mx.rsqrt(_means(x * x) + epsilon)
        return x * factor, factor

    def vjp(
        _: mx.array, cotangents: tuple[mx.array, mx.array], outputs: tuple[mx.array, mx.array]
    ) -> mx.array:
        slope, (rows, factor) = cotangents[0], outputs
        along = _means(slope * rows)
        if centred:
            return (slope - _means(slope) - rows * along) * factor
        return (slope - rows * along) * factor

    return cast("Standardised", differentiable(forward, vjp))


def _means(x: mx.array) -> mx.array:
    return x @ mx.full((x.shape[-1], 1), 1 / x.shape[-1])


@mx.compile
def _scaled_and_moved(x: mx.array, weight: mx.array, bias: mx.array) -> mx.array:
    return x * weight + bias
