"""ModernBERT (Warner et al. 2024, arXiv:2412.13663), with the names of its checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import mlx.core as mx
from mlx import nn

from core.encoder.json_files import read_object, value_of
from core.encoder.models.layers import (
    HIDDEN,
    LayerNorm,
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
class ModernBertConfig:
    """The values of config.json that shape the model.

    ``local[i]`` is whether layer i attends only to ``window`` tokens on each side, with the rotary
    base ``local_theta``.
    """

    vocabulary: int
    width: int
    inner_width: int
    heads: int
    local: tuple[bool, ...]
    window: int
    local_theta: float
    global_theta: float
    epsilon: float
    norm_bias: bool
    attention_bias: bool
    mlp_bias: bool
    activation: Callable[[mx.array], mx.array]


def read_modernbert_config(path: Path) -> ModernBertConfig:
    """Return the shape of the model.

    Raises:
        InputError: a value has the wrong type, or the rotary embedding is scaled.
    """
    values = read_object(path)
    layers = value_of(values, "num_hidden_layers", 22, path)
    every = value_of(values, "global_attn_every_n_layers", 3, path)
    kinds = value_of(values, "layer_types", list[object](), path) or [
        "sliding_attention" if layer % every else "full_attention" for layer in range(layers)
    ]
    if len(kinds) != layers or set(kinds) - {"sliding_attention", "full_attention"}:
        raise InputError("layer_types does not fit the layers", where=str(path))
    return ModernBertConfig(
        vocabulary=value_of(values, "vocab_size", 50368, path),
        width=value_of(values, "hidden_size", 768, path),
        inner_width=value_of(values, "intermediate_size", 1152, path),
        heads=value_of(values, "num_attention_heads", 12, path),
        local=tuple(kind == "sliding_attention" for kind in kinds),
        window=value_of(values, "local_attention", 128, path) // 2,
        local_theta=_theta(values, "sliding_attention", "local_rope_theta", 10_000.0, path),
        global_theta=_theta(values, "full_attention", "global_rope_theta", 160_000.0, path),
        epsilon=value_of(values, "norm_eps", 1e-5, path),
        norm_bias=value_of(values, "norm_bias", False, path),
        attention_bias=value_of(values, "attention_bias", False, path),
        mlp_bias=value_of(values, "mlp_bias", False, path),
        activation=activation(value_of(values, "hidden_activation", "gelu", path), path),
    )


def _theta(values: dict[str, object], kind: str, key: str, default: float, path: Path) -> float:
    """Return the rotary base, from ``rope_parameters`` or from the key that preceded it."""
    every = value_of(values, "rope_parameters", dict[str, object](), path)
    own = value_of(every, kind, dict[str, object](), path)
    if value_of(own, "rope_type", "default", path) != "default" or values.get("rope_scaling"):
        raise InputError("a scaled rotary embedding is not supported", where=str(path))
    return value_of(own, "rope_theta", value_of(values, key, default, path), path)


class ModernBertModel(nn.Module):
    """Token ids in, hidden states out."""

    def __init__(self, config: ModernBertConfig) -> None:
        super().__init__()
        self.embeddings = ModernBertEmbeddings(config)
        self.layers = [ModernBertLayer(config, index) for index in range(len(config.local))]
        self.final_norm = LayerNorm(config.width, eps=config.epsilon, bias=config.norm_bias)
        self._window = config.window

    def __call__(self, tokens: mx.array, seen: mx.array | None = None) -> mx.array:
        """Return the hidden states (texts, tokens, width).

        Args:
            tokens: ids (texts, tokens).
            seen: booleans (texts, tokens), the tokens that are attended to; None for all.
        """
        everywhere = key_mask(seen)
        nearby = _with_window(everywhere, tokens.shape[1], self._window)
        hidden = self.embeddings(tokens)
        for layer in self.layers:
            hidden = layer(hidden, nearby if layer.local else everywhere)
        return self.final_norm(hidden)


def _with_window(mask: mx.array | None, length: int, window: int) -> mx.array | None:
    """Return the mask that also hides keys more than ``window`` tokens away."""
    if length <= window + 1:
        return mask
    places = mx.arange(length)
    far = mx.where(mx.abs(places[:, None] - places) > window, HIDDEN, 0.0)
    return far if mask is None else mx.maximum(mask + far, HIDDEN)


class ModernBertEmbeddings(nn.Module):
    """Normalised word embeddings."""

    def __init__(self, config: ModernBertConfig) -> None:
        super().__init__()
        self.tok_embeddings = nn.Embedding(config.vocabulary, config.width)
        self.norm = LayerNorm(config.width, eps=config.epsilon, bias=config.norm_bias)

    def __call__(self, tokens: mx.array) -> mx.array:
        """Return the normalised embeddings."""
        return self.norm(self.tok_embeddings(tokens))


class ModernBertLayer(nn.Module):
    """Attention and a gated feed-forward network, each on the normalised input and added to it."""

    def __init__(self, config: ModernBertConfig, index: int) -> None:
        super().__init__()
        norm = partial(LayerNorm, config.width, eps=config.epsilon, bias=config.norm_bias)
        # The embeddings are normalised already, so the first layer has no norm of its own.
        self.attn_norm = norm() if index else nn.Identity()
        self.attn = ModernBertAttention(config, local=config.local[index])
        self.mlp_norm = norm()
        self.mlp = ModernBertMlp(config)
        self.local = config.local[index]

    def __call__(self, hidden: mx.array, mask: mx.array | None) -> mx.array:
        """Return the new hidden states."""
        hidden = hidden + self.attn(self.attn_norm(hidden), mask)
        return hidden + self.mlp(self.mlp_norm(hidden))


class ModernBertAttention(nn.Module):
    """Attention with rotary positions."""

    def __init__(self, config: ModernBertConfig, *, local: bool) -> None:
        super().__init__()
        self.Wqkv = nn.Linear(config.width, 3 * config.width, bias=config.attention_bias)
        self.Wo = nn.Linear(config.width, config.width, bias=config.attention_bias)
        self._heads = config.heads
        self._theta = config.local_theta if local else config.global_theta

    def __call__(self, hidden: mx.array, mask: mx.array | None) -> mx.array:
        """Return the attention's output."""
        queries, keys, values = (
            split_heads(part, self._heads) for part in mx.split(self.Wqkv(hidden), 3, axis=-1)
        )
        width = queries.shape[-1]
        queries, keys = (self._rotated(part, width) for part in (queries, keys))
        gathered = attention(queries, keys, values, scale=width**-0.5, mask=mask)
        return self.Wo(join_heads(gathered))

    def _rotated(self, x: mx.array, width: int) -> mx.array:
        return mx.fast.rope(
            mx.contiguous(x), width, traditional=False, base=self._theta, scale=1.0, offset=0
        )


class ModernBertMlp(nn.Module):
    """The gated feed-forward network."""

    def __init__(self, config: ModernBertConfig) -> None:
        super().__init__()
        self.Wi = nn.Linear(config.width, 2 * config.inner_width, bias=config.mlp_bias)
        self.Wo = nn.Linear(config.inner_width, config.width, bias=config.mlp_bias)
        self._activation = config.activation

    def __call__(self, hidden: mx.array) -> mx.array:
        """Return the product of the activated half and the gate, projected back."""
        inner, gate = mx.split(self.Wi(hidden), 2, axis=-1)
        return self.Wo(self._activation(inner) * gate)
