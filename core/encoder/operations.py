"""The operations that the three families share, in the form that is fast where they run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import mlx.core as mx
from mlx import nn

from core.encoder import fast_cpu
from core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: Added to the score of a key that must not be seen: its weight is 0 in float32.
HIDDEN: Final = -1e9


def key_mask(seen: mx.array | None) -> mx.array | None:
    """Return what is added to attention scores: 0 where ``seen``, else ``HIDDEN``.

    Args:
        seen: booleans (texts, tokens), None when every token is seen.

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
        queries: (texts, heads, tokens, head width); keys and values have the same shape.
        keys: see queries.
        values: see queries.
        scale: multiplies the products.
        mask: added to the scores, (texts, heads, tokens, tokens), each but the last may be 1.
    """
    if not fast_cpu.takes(queries):
        mask = None if mask is None else mask.astype(queries.dtype)
        return mx.fast.scaled_dot_product_attention(queries, keys, values, scale=scale, mask=mask)
    # A row for each key: MLX takes the highest over rows three times as fast as within them.
    keys, values = mx.contiguous(keys), mx.contiguous(values)
    scores = keys @ (queries * scale).swapaxes(-1, -2)
    if mask is not None:
        scores = scores + mask.swapaxes(-1, -2)
    highest = mx.stop_gradient(scores.max(axis=-2, keepdims=True))
    weights = fast_cpu.exp(scores - highest)
    total = weights.sum(axis=-2, keepdims=True)
    return (weights.swapaxes(-1, -2) @ values) / total.swapaxes(-1, -2)


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
    """Return the activation that a config names as transformers names it.

    Raises:
        InputError: there is none of that name.
    """
    if name not in _ACTIVATIONS:
        raise InputError(
            f"the activation {name!r} is not supported",
            where=str(path),
            todo=f"These are: {', '.join(_ACTIVATIONS)}.",
        )
    return _ACTIVATIONS[name]


def normalised(x: mx.array) -> mx.array:
    """Return x with rows of length 1; a row of zeros stays so."""
    squares = (x * x).sum(axis=-1, keepdims=True)
    return x * mx.rsqrt(mx.maximum(squares, 1e-24))
