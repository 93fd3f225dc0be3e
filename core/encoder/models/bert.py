"""BERT and its relatives, with the parameter names of BERT's checkpoints.

BERT (Devlin et al. 2018, arXiv:1810.04805), RoBERTa (Liu et al. 2019, arXiv:1907.11692), DistilBERT
(Sanh et al. 2019, arXiv:1910.01108) and MPNet (Song et al. 2020, arXiv:2004.09297) differ in how
they number positions, in token types, and in a bias of attention by distance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import mlx.core as mx
from mlx import nn

from core.encoder.json_files import read_object, value_of
from core.encoder.models.layers import (
    LayerNorm,
    activation,
    attention,
    distance_bias,
    join_heads,
    key_mask,
    split_heads,
)
from core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

#: MPNet's, which its configuration cannot change.
_MPNET_PADDING: Final = 1
_MPNET_FARTHEST: Final = 128


@dataclass(frozen=True, slots=True)
class BertConfig:
    """The values of config.json that shape the model.

    ``types`` is the number of token types, 0 for none. Positions count from 0, or where ``padding``
    is the id of the padding token, from the one after it, and padding is not counted. ``buckets``
    is the number of distances that bias attention, 0 for none.
    """

    vocabulary: int
    width: int
    inner_width: int
    layers: int
    heads: int
    positions: int
    types: int
    epsilon: float
    activation: Callable[[mx.array], mx.array]
    padding: int | None = None
    buckets: int = 0


def read_bert_config(path: Path) -> BertConfig:
    """Return the shape of a BERT.

    Raises:
        InputError: a value has the wrong type, or the positions are not absolute.
    """
    values = read_object(path)
    return _config(values, path, types=value_of(values, "type_vocab_size", 2, path))


def read_roberta_config(path: Path) -> BertConfig:
    """Return the shape of a RoBERTa or XLM-RoBERTa.

    Raises:
        InputError: a value has the wrong type, or the positions are not absolute.
    """
    values = read_object(path)
    types = value_of(values, "type_vocab_size", 2, path)
    padding = value_of(values, "pad_token_id", 1, path)
    return _config(values, path, vocabulary=50265, types=types, padding=padding)


def read_mpnet_config(path: Path) -> BertConfig:
    """Return the shape of an MPNet.

    Raises:
        InputError: a value has the wrong type.
    """
    values = read_object(path)
    buckets = value_of(values, "relative_attention_num_buckets", 32, path)
    return _config(values, path, vocabulary=30527, padding=_MPNET_PADDING, buckets=buckets)


def read_distilbert_config(path: Path) -> BertConfig:
    """Return the shape of a DistilBERT.

    Raises:
        InputError: a value has the wrong type.
    """
    values = read_object(path)
    return BertConfig(
        vocabulary=value_of(values, "vocab_size", 30522, path),
        width=value_of(values, "dim", 768, path),
        inner_width=value_of(values, "hidden_dim", 3072, path),
        layers=value_of(values, "n_layers", 6, path),
        heads=value_of(values, "n_heads", 12, path),
        positions=value_of(values, "max_position_embeddings", 512, path),
        types=0,
        epsilon=1e-12,
        activation=activation(value_of(values, "activation", "gelu", path), path),
    )


def _config(
    values: Mapping[str, object],
    path: Path,
    *,
    vocabulary: int = 30522,
    types: int = 0,
    padding: int | None = None,
    buckets: int = 0,
) -> BertConfig:
    kind = value_of(values, "position_embedding_type", "absolute", path)
    if kind != "absolute":
        raise InputError(f"positions of the type {kind!r} are not supported", where=str(path))
    return BertConfig(
        vocabulary=value_of(values, "vocab_size", vocabulary, path),
        width=value_of(values, "hidden_size", 768, path),
        inner_width=value_of(values, "intermediate_size", 3072, path),
        layers=value_of(values, "num_hidden_layers", 12, path),
        heads=value_of(values, "num_attention_heads", 12, path),
        positions=value_of(values, "max_position_embeddings", 512, path),
        types=types,
        epsilon=value_of(values, "layer_norm_eps", 1e-12, path),
        activation=activation(value_of(values, "hidden_act", "gelu", path), path),
        padding=padding,
        buckets=buckets,
    )


class BertModel(nn.Module):
    """Token ids in, hidden states out."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.embeddings = BertEmbeddings(config)
        self.encoder = BertStack(config)

    def __call__(self, tokens: mx.array, seen: mx.array | None = None) -> mx.array:
        """Return the hidden states (texts, tokens, width).

        Args:
            tokens: ids (texts, tokens).
            seen: booleans (texts, tokens), the tokens that are attended to; None for all.
        """
        return self.encoder(self.embeddings(tokens), key_mask(seen))


class BertEmbeddings(nn.Module):
    """Word, position and type embeddings."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocabulary, config.width)
        self.position_embeddings = nn.Embedding(config.positions, config.width)
        if config.types:
            self.token_type_embeddings = nn.Embedding(config.types, config.width)
        self.LayerNorm = LayerNorm(config.width, eps=config.epsilon)
        self._padding = config.padding

    def __call__(self, tokens: mx.array) -> mx.array:
        """Return the normalised sum of the three; every text has the first type."""
        places = self._places(tokens)
        if "token_type_embeddings" in self:
            places = places + self.token_type_embeddings.weight[0]
        return self.LayerNorm(self.word_embeddings(tokens) + places)

    def _places(self, tokens: mx.array) -> mx.array:
        if self._padding is None:
            return self.position_embeddings.weight[: tokens.shape[1]]
        real = (tokens != self._padding).astype(mx.int32)
        return self.position_embeddings(mx.cumsum(real, axis=1) * real + self._padding)


class BertStack(nn.Module):
    """The layers."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.layer = [BertLayer(config) for _ in range(config.layers)]
        if config.buckets:
            self.relative_attention_bias = nn.Embedding(config.buckets, config.heads)

    def __call__(self, hidden: mx.array, mask: mx.array | None) -> mx.array:
        """Apply the layers in order."""
        if "relative_attention_bias" in self:
            bias = distance_bias(self.relative_attention_bias, hidden.shape[1], _MPNET_FARTHEST)
            mask = bias if mask is None else bias + mask
        for layer in self.layer:
            hidden = layer(hidden, mask)
        return hidden


class BertLayer(nn.Module):
    """Attention, then two linear layers; each is added to its input and normalised."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.attention = BertAttention(config)
        self.intermediate = BertIntermediate(config)
        self.output = BertOutput(config, config.inner_width)

    def __call__(self, hidden: mx.array, mask: mx.array | None) -> mx.array:
        """Return the new hidden states."""
        hidden = self.attention(hidden, mask)
        return self.output(self.intermediate(hidden), hidden)


class BertAttention(nn.Module):
    """Attention with its output layer."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.self = BertSelfAttention(config)
        self.output = BertOutput(config, config.width)

    def __call__(self, hidden: mx.array, mask: mx.array | None) -> mx.array:
        """Return the new hidden states."""
        return self.output(self.self(hidden, mask), hidden)


class BertSelfAttention(nn.Module):
    """The three projections and the attention."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.query = nn.Linear(config.width, config.width)
        self.key = nn.Linear(config.width, config.width)
        self.value = nn.Linear(config.width, config.width)
        self._heads = config.heads
        self._scale = (config.width // config.heads) ** -0.5

    def __call__(self, hidden: mx.array, mask: mx.array | None) -> mx.array:
        """Return the attention's output, before the output layer."""
        queries, keys, values = (
            split_heads(layer(hidden), self._heads) for layer in (self.query, self.key, self.value)
        )
        return join_heads(attention(queries, keys, values, scale=self._scale, mask=mask))


class BertIntermediate(nn.Module):
    """The linear layer to the inner width."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.width, config.inner_width)
        self._activation = config.activation

    def __call__(self, hidden: mx.array) -> mx.array:
        """Return the activated hidden states."""
        return self._activation(self.dense(hidden))


class BertOutput(nn.Module):
    """A linear layer back to the model's width, then sum and norm."""

    def __init__(self, config: BertConfig, inputs: int) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, config.width)
        self.LayerNorm = LayerNorm(config.width, eps=config.epsilon)

    def __call__(self, hidden: mx.array, before: mx.array) -> mx.array:
        """Return the normalised sum."""
        return self.LayerNorm(self.dense(hidden) + before)
