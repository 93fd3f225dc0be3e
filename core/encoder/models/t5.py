"""The encoder of T5 (Raffel et al. 2019, arXiv:1910.10683), with the names of its checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import mlx.core as mx
from mlx import nn

from core.encoder.json_files import read_object, value_of
from core.encoder.models.layers import (
    RMSNorm,
    activation,
    attention,
    distance_bias,
    join_heads,
    key_mask,
    split_heads,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class T5Config:
    """The values of config.json that shape the encoder."""

    vocabulary: int
    width: int
    head_width: int
    inner_width: int
    layers: int
    heads: int
    buckets: int
    farthest: int
    epsilon: float
    gated: bool
    activation: Callable[[mx.array], mx.array]


def read_t5_config(path: Path) -> T5Config:
    """Return the shape of the encoder.

    ``feed_forward_proj`` is ``relu``, or for instance ``gated-gelu``, whose gelu is the tanh form.

    Raises:
        InputError: a value has the wrong type, or an activation is unknown.
    """
    values = read_object(path)
    feed_forward = value_of(values, "feed_forward_proj", "relu", path)
    name = feed_forward.removeprefix("gated-")
    if feed_forward == "gated-gelu":
        name = "gelu_new"
    return T5Config(
        vocabulary=value_of(values, "vocab_size", 32128, path),
        width=value_of(values, "d_model", 768, path),
        head_width=value_of(values, "d_kv", 64, path),
        inner_width=value_of(values, "d_ff", 2048, path),
        layers=value_of(values, "num_layers", 12, path),
        heads=value_of(values, "num_heads", 12, path),
        buckets=value_of(values, "relative_attention_num_buckets", 32, path),
        farthest=value_of(values, "relative_attention_max_distance", 128, path),
        epsilon=value_of(values, "layer_norm_epsilon", 1e-6, path),
        gated=feed_forward.startswith("gated-"),
        activation=activation(name, path),
    )


class T5Model(nn.Module):
    """Token ids in, hidden states out."""

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.shared = nn.Embedding(config.vocabulary, config.width)
        self.encoder = T5Stack(config)

    def __call__(self, tokens: mx.array, seen: mx.array | None = None) -> mx.array:
        """Return the hidden states (texts, tokens, width).

        Args:
            tokens: ids (texts, tokens).
            seen: booleans (texts, tokens), the tokens that are attended to; None for all.
        """
        return self.encoder(self.shared(tokens), key_mask(seen))


class T5Stack(nn.Module):
    """The layers and the last norm."""

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.block = [T5Block(config, first=index == 0) for index in range(config.layers)]
        self.final_layer_norm = RMSNorm(config.width, eps=config.epsilon)
        self._farthest = config.farthest

    def __call__(self, hidden: mx.array, mask: mx.array | None) -> mx.array:
        """Apply the layers in order; all share the position bias of the first."""
        table = self.block[0].layer[0].SelfAttention.relative_attention_bias
        bias = distance_bias(table, hidden.shape[1], self._farthest)
        bias = bias if mask is None else bias + mask
        for block in self.block:
            hidden = block(hidden, bias)
        return self.final_layer_norm(hidden)


class T5Block(nn.Module):
    """Attention and a feed-forward network."""

    def __init__(self, config: T5Config, *, first: bool) -> None:
        super().__init__()
        self.layer = [T5AttentionLayer(config, first=first), T5FeedForwardLayer(config)]

    def __call__(self, hidden: mx.array, bias: mx.array) -> mx.array:
        """Return the new hidden states."""
        return self.layer[1](self.layer[0](hidden, bias))


class T5AttentionLayer(nn.Module):
    """Attention on the normalised input, added to it."""

    def __init__(self, config: T5Config, *, first: bool) -> None:
        super().__init__()
        self.SelfAttention = T5Attention(config, first=first)
        self.layer_norm = RMSNorm(config.width, eps=config.epsilon)

    def __call__(self, hidden: mx.array, bias: mx.array) -> mx.array:
        """Return the new hidden states."""
        return hidden + self.SelfAttention(self.layer_norm(hidden), bias)


class T5Attention(nn.Module):
    """Attention with unscaled scores; the first layer's holds the position bias of all."""

    def __init__(self, config: T5Config, *, first: bool) -> None:
        super().__init__()
        inner = config.heads * config.head_width
        self.q = nn.Linear(config.width, inner, bias=False)
        self.k = nn.Linear(config.width, inner, bias=False)
        self.v = nn.Linear(config.width, inner, bias=False)
        self.o = nn.Linear(inner, config.width, bias=False)
        if first:
            self.relative_attention_bias = nn.Embedding(config.buckets, config.heads)
        self._heads = config.heads

    def __call__(self, hidden: mx.array, bias: mx.array) -> mx.array:
        """Return the attention's output."""
        queries, keys, values = (
            split_heads(layer(hidden), self._heads) for layer in (self.q, self.k, self.v)
        )
        return self.o(join_heads(attention(queries, keys, values, scale=1.0, mask=bias)))


class T5FeedForwardLayer(nn.Module):
    """The feed-forward network on the normalised input, added to it."""

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.DenseReluDense = T5Gated(config) if config.gated else T5Dense(config)
        self.layer_norm = RMSNorm(config.width, eps=config.epsilon)

    def __call__(self, hidden: mx.array) -> mx.array:
        """Return the new hidden states."""
        return hidden + self.DenseReluDense(self.layer_norm(hidden))


class T5Dense(nn.Module):
    """Two linear layers, the first of them activated."""

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.wi = nn.Linear(config.width, config.inner_width, bias=False)
        self.wo = nn.Linear(config.inner_width, config.width, bias=False)
        self._activation = config.activation

    def __call__(self, hidden: mx.array) -> mx.array:
        """Return the projection back to the model's width."""
        return self.wo(self._activation(self.wi(hidden)))


class T5Gated(nn.Module):
    """Like T5Dense, with a second linear layer that gates the activated one."""

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.wi_0 = nn.Linear(config.width, config.inner_width, bias=False)
        self.wi_1 = nn.Linear(config.width, config.inner_width, bias=False)
        self.wo = nn.Linear(config.inner_width, config.width, bias=False)
        self._activation = config.activation

    def __call__(self, hidden: mx.array) -> mx.array:
        """Return the projection back to the model's width."""
        return self.wo(self._activation(self.wi_0(hidden)) * self.wi_1(hidden))
