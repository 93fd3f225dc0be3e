"""Qwen3 (Yang et al. 2025, arXiv:2505.09388) as an encoder, with the names of its checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import mlx.core as mx
from mlx import nn

from core.encoder.json_files import read_object, value_of
from core.encoder.models.layers import (
    HIDDEN,
    RMSNorm,
    activation,
    attention,
    join_heads,
    key_mask,
    split_heads,
)
from core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Qwen3Config:
    """The values of config.json that shape the model.

    ``key_heads`` is the number of heads of keys and values, each shared by several of the queries;
    ``theta`` is the base of the rotary positions.
    """

    vocabulary: int
    width: int
    inner_width: int
    layers: int
    heads: int
    key_heads: int
    head_width: int
    theta: float
    epsilon: float
    bias: bool
    activation: Callable[[mx.array], mx.array]


def read_qwen3_config(path: Path) -> Qwen3Config:
    """Return the shape of the model.

    Raises:
        InputError: a value has the wrong type, or it asks for a sliding window or scaled positions.
    """
    values = read_object(path)
    kinds = set(value_of(values, "layer_types", list[object](), path))
    if value_of(values, "use_sliding_window", False, path) or kinds - {"full_attention"}:
        raise InputError("a sliding window (use_sliding_window) is not supported", where=str(path))
    rotary = value_of(values, "rope_parameters", dict[str, object](), path)
    if value_of(rotary, "rope_type", "default", path) != "default" or values.get("rope_scaling"):
        raise InputError("a scaled rotary embedding is not supported", where=str(path))
    heads = value_of(values, "num_attention_heads", 32, path)
    return Qwen3Config(
        vocabulary=value_of(values, "vocab_size", 151_936, path),
        width=value_of(values, "hidden_size", 4096, path),
        inner_width=value_of(values, "intermediate_size", 22_016, path),
        layers=value_of(values, "num_hidden_layers", 32, path),
        heads=heads,
        key_heads=value_of(values, "num_key_value_heads", heads, path),
        head_width=value_of(values, "head_dim", 128, path),
        theta=value_of(rotary, "rope_theta", value_of(values, "rope_theta", 10_000.0, path), path),
        epsilon=value_of(values, "rms_norm_eps", 1e-6, path),
        bias=value_of(values, "attention_bias", False, path),
        activation=activation(value_of(values, "hidden_act", "silu", path), path),
    )


class Qwen3Model(nn.Module):
    """Token ids in, hidden states out; each token attends to itself and those before it."""

    def __init__(self, config: Qwen3Config) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocabulary, config.width)
        self.layers = [Qwen3Layer(config) for _ in range(config.layers)]
        self.norm = RMSNorm(config.width, eps=config.epsilon)

    def __call__(self, tokens: mx.array, seen: mx.array | None = None) -> mx.array:
        """Return the hidden states (texts, tokens, width).

        Args:
            tokens: ids (texts, tokens).
            seen: booleans (texts, tokens), the tokens that are attended to; None for all.
        """
        places = mx.arange(tokens.shape[1])
        mask = mx.where(places[None, :] > places[:, None], HIDDEN, 0.0)
        padding = key_mask(seen)
        if padding is not None:
            mask = mx.maximum(mask + padding, HIDDEN)
        hidden = self.embed_tokens(tokens)
        for layer in self.layers:
            hidden = layer(hidden, mask)
        return self.norm(hidden)


class Qwen3Layer(nn.Module):
    """Attention and a gated feed-forward network, each on the normalised input and added to it."""

    def __init__(self, config: Qwen3Config) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.width, eps=config.epsilon)
        self.self_attn = Qwen3Attention(config)
        self.post_attention_layernorm = RMSNorm(config.width, eps=config.epsilon)
        self.mlp = Qwen3Mlp(config)

    def __call__(self, hidden: mx.array, mask: mx.array) -> mx.array:
        """Return the new hidden states."""
        hidden = hidden + self.self_attn(self.input_layernorm(hidden), mask)
        return hidden + self.mlp(self.post_attention_layernorm(hidden))


class Qwen3Attention(nn.Module):
    """Attention with rotary positions, normalised queries and keys, and shared keys and values."""

    def __init__(self, config: Qwen3Config) -> None:
        super().__init__()
        inner, shared = config.heads * config.head_width, config.key_heads * config.head_width
        self.q_proj = nn.Linear(config.width, inner, bias=config.bias)
        self.k_proj = nn.Linear(config.width, shared, bias=config.bias)
        self.v_proj = nn.Linear(config.width, shared, bias=config.bias)
        self.o_proj = nn.Linear(inner, config.width, bias=config.bias)
        self.q_norm = RMSNorm(config.head_width, eps=config.epsilon)
        self.k_norm = RMSNorm(config.head_width, eps=config.epsilon)
        self._config = config

    def __call__(self, hidden: mx.array, mask: mx.array) -> mx.array:
        """Return the attention's output."""
        config = self._config
        queries = self.q_norm(split_heads(self.q_proj(hidden), config.heads))
        keys = self.k_norm(split_heads(self.k_proj(hidden), config.key_heads))
        values = split_heads(self.v_proj(hidden), config.key_heads)
        keys, values = (
            mx.repeat(part, config.heads // config.key_heads, axis=1)
            for part in (self._rotated(keys), values)
        )
        scale = config.head_width**-0.5
        return self.o_proj(
            join_heads(attention(self._rotated(queries), keys, values, scale=scale, mask=mask))
        )

    def _rotated(self, x: mx.array) -> mx.array:
        width, base = self._config.head_width, self._config.theta
        return mx.fast.rope(
            mx.contiguous(x), width, traditional=False, base=base, scale=1.0, offset=0
        )


class Qwen3Mlp(nn.Module):
    """The gated feed-forward network."""

    def __init__(self, config: Qwen3Config) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.width, config.inner_width, bias=False)
        self.up_proj = nn.Linear(config.width, config.inner_width, bias=False)
        self.down_proj = nn.Linear(config.inner_width, config.width, bias=False)
        self._activation = config.activation

    def __call__(self, hidden: mx.array) -> mx.array:
        """Return the product of the activated half and the gate, projected back."""
        return self.down_proj(self._activation(self.gate_proj(hidden)) * self.up_proj(hidden))
