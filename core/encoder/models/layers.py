"""Norms, attention and activations of all architectures, each in its fastest form here.

On MLX's CPU device that is the form in ``core.encoder.cpu``, elsewhere MLX's own.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Final, cast

import mlx.core as mx
import numpy as np
from mlx import nn

from core.encoder import cpu as fast_cpu
from core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Standardised = Callable[[mx.array], tuple[mx.array, mx.array]]


class LayerNorm(nn.LayerNorm):
    """Layer norm (Ba et al. 2016, arXiv:1607.06450)."""

    def __call__(self, x: mx.array) -> mx.array:
        """Return the rows of x with mean 0 and variance 1, times the weight, plus the bias."""
        if not fast_cpu.takes(x):
            return super().__call__(x)
        rows = _standardised(self.eps, centred=True)(x)[0]
        if "bias" not in self:
            return rows * self.weight
        return _scaled_and_shifted(rows, self.weight, self.bias)


class RMSNorm(nn.RMSNorm):
    """RMS norm (Zhang and Sennrich 2019, arXiv:1910.07467)."""

    def __call__(self, x: mx.array) -> mx.array:
        """Return the rows of x with a mean square of 1, times the weight."""
        if not fast_cpu.takes(x):
            return super().__call__(x)
        return _standardised(self.eps, centred=False)(x)[0] * self.weight


@cache
def _standardised(epsilon: float, *, centred: bool) -> Standardised:
    """Return the function from rows to standardised rows and the factor of each row (..., 1).

    Its derivative needs nothing else of the forward pass. Means are products with a vector, which
    take a third of the time of MLX's sums over the last axis.
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

    return cast("Standardised", fast_cpu.differentiable(forward, vjp))


def _means(x: mx.array) -> mx.array:
    return x @ mx.full((x.shape[-1], 1), 1 / x.shape[-1])


@mx.compile
def _scaled_and_shifted(x: mx.array, weight: mx.array, bias: mx.array) -> mx.array:
    return x * weight + bias


#: Added to the score of a hidden key: its weight becomes 0 in float32.
HIDDEN: Final = -1e9


def key_mask(seen: mx.array | None) -> mx.array | None:
    """Return the mask to add to attention scores: 0 where ``seen``, else ``HIDDEN``.

    Args:
        seen: booleans (texts, tokens); None when every token is seen.

    Returns:
        floats (texts, 1, 1, tokens).
    """
    if seen is None:
        return None
    return mx.where(seen, 0.0, HIDDEN)[:, None, None, :]


def attention(
    queries: mx.array,
    keys: mx.array,
    values: mx.array,
    *,
    scale: float,
    mask: mx.array | None,
) -> mx.array:
    """Return softmax(scale * queries @ keys.T + mask) @ values.

    Args:
        queries: (texts, heads, tokens, head width).
        keys: of the same shape.
        values: of the same shape.
        scale: multiplies the products.
        mask: (texts, heads, tokens, tokens); all dimensions but the last may be 1.
    """
    if not fast_cpu.takes(queries):
        mask = None if mask is None else mask.astype(queries.dtype)
        return mx.fast.scaled_dot_product_attention(queries, keys, values, scale=scale, mask=mask)
    # Scores have a row for each key: MLX takes the maximum over rows three times as fast as
    # within rows.
    keys, values = mx.contiguous(keys), mx.contiguous(values)
    scores = keys @ (queries * scale).swapaxes(-1, -2)
    if mask is not None:
        scores = scores + mask.swapaxes(-1, -2)
    highest = mx.stop_gradient(scores.max(axis=-2, keepdims=True))
    weights = fast_cpu.exp(scores - highest)
    total = weights.sum(axis=-2, keepdims=True)
    return (weights.swapaxes(-1, -2) @ values) / total.swapaxes(-1, -2)


def distance_bias(table: nn.Embedding, length: int, farthest: int) -> mx.array:
    """Return the bias of attention by the distance key - query, (1, heads, queries, keys).

    Args:
        table: the bias of each bucket of distances and each head.
        length: of the texts.
        farthest: see ``position_buckets``.
    """
    buckets = mx.array(position_buckets(length, table.weight.shape[0], farthest))
    return table(buckets).transpose(2, 0, 1)[None]


@cache
def position_buckets(length: int, buckets: int, farthest: int) -> np.ndarray:
    """Return the bucket of each distance key - query, int32 (queries, keys).

    Half of the buckets are for keys after the query. In each half, the first half of the buckets
    holds a single distance each; the others widen by equal ratios up to ``farthest``, and the last
    holds everything beyond (Raffel et al., section 2.1). The logarithm is taken in float32, as it
    was for the published weights.
    """
    places = np.arange(length)
    distances = places[None, :] - places[:, None]
    half = buckets // 2
    single = half // 2
    far = np.abs(distances)
    ratio = np.log(np.maximum(far, 1).astype(np.float32) / np.float32(single))
    steps = ratio / np.float32(math.log(farthest / single)) * np.float32(half - single)
    grown = np.minimum(single + steps.astype(np.int32), half - 1)
    found = np.where(far < single, far, grown) + np.where(distances > 0, half, 0)
    return found.astype(np.int32)


def split_heads(x: mx.array, heads: int) -> mx.array:
    """Turn (texts, tokens, heads * width) into (texts, heads, tokens, width)."""
    return x.reshape(*x.shape[:2], heads, -1).transpose(0, 2, 1, 3)


def join_heads(x: mx.array) -> mx.array:
    """Turn (texts, heads, tokens, width) into (texts, tokens, heads * width)."""
    return x.transpose(0, 2, 1, 3).reshape(x.shape[0], x.shape[2], -1)


def gelu(x: mx.array) -> mx.array:
    """Return the exact gelu (erf) of x."""
    return fast_cpu.gelu(x) if fast_cpu.takes(x) else nn.gelu(x)


def gelu_tanh(x: mx.array) -> mx.array:
    """Return gelu in its tanh form: x sigmoid(2 sqrt(2 / pi) (x + 0.044715 x**3))."""
    if not fast_cpu.takes(x):
        return nn.gelu_approx(x)
    return x * fast_cpu.sigmoid(2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x))


def silu(x: mx.array) -> mx.array:
    """Return x sigmoid(x)."""
    return x * fast_cpu.sigmoid(x) if fast_cpu.takes(x) else nn.silu(x)


def relu(x: mx.array) -> mx.array:
    """Return max(x, 0)."""
    return mx.maximum(x, 0.0)


_ACTIVATIONS: Final[dict[str, Callable[[mx.array], mx.array]]] = {
    "gelu": gelu,
    "gelu_new": gelu_tanh,
    "gelu_pytorch_tanh": gelu_tanh,
    "relu": relu,
    "silu": silu,
}


def activation(name: str, path: Path) -> Callable[[mx.array], mx.array]:
    """Return the activation of the name that transformers uses.

    Raises:
        InputError: there is no such activation.
    """
    if name not in _ACTIVATIONS:
        raise InputError(
            f"the activation {name!r} is not supported",
            where=str(path),
            todo=f"Supported are: {', '.join(_ACTIVATIONS)}.",
        )
    return _ACTIVATIONS[name]


def normalised(x: mx.array) -> mx.array:
    """Return x with rows of length 1; a row of zeros stays so."""
    squares = (x * x).sum(axis=-1, keepdims=True)
    return x * mx.rsqrt(mx.maximum(squares, 1e-24))
