"""The whole network: transformer, pooling, projections, normalisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import mlx.core as mx
from mlx import nn
from mlx.utils import tree_flatten

from core.encoder.models.bert import (
    BertModel,
    read_bert_config,
    read_distilbert_config,
    read_mpnet_config,
    read_roberta_config,
)
from core.encoder.models.layers import normalised
from core.encoder.models.modernbert import ModernBertModel, read_modernbert_config
from core.encoder.models.qwen3 import Qwen3Model, read_qwen3_config
from core.encoder.models.t5 import T5Model, read_t5_config

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from core.encoder.spec import EncoderSpec, Family, Projection


#: The model of each architecture, and the function that reads its configuration.
_TRANSFORMERS: Final[dict[Family, tuple[Callable[[Any], Any], Callable[[Path], object]]]] = {
    "bert": (BertModel, read_bert_config),
    "distilbert": (BertModel, read_distilbert_config),
    "modernbert": (ModernBertModel, read_modernbert_config),
    "mpnet": (BertModel, read_mpnet_config),
    "qwen3": (Qwen3Model, read_qwen3_config),
    "roberta": (BertModel, read_roberta_config),
    "t5": (T5Model, read_t5_config),
}


class Transformer(Protocol):
    """A transformer of any architecture."""

    def __call__(self, tokens: mx.array, seen: mx.array | None = None) -> mx.array:
        """Return the hidden states (texts, tokens, width)."""


class EncoderModule(nn.Module):
    """Token ids in, vectors out, of length 1 unless the spec says otherwise.

    ``base`` is the transformer with the parameter names of its checkpoint, ``projections`` are the
    linear layers after it. The module can be differentiated and compiled.
    """

    def __init__(self, spec: EncoderSpec) -> None:
        super().__init__()
        self.base = _transformer(spec)
        self.projections = [Dense(projection) for projection in spec.projections]
        self._pooling = spec.pooling
        self._normalised = spec.normalised

    def __call__(
        self, tokens: mx.array, seen: mx.array | None = None, real: mx.array | None = None
    ) -> mx.array:
        """Return the vectors (texts, tokens, dimensions), or (texts, 1, dimensions) when pooled.

        Args:
            tokens: ids (texts, tokens).
            seen: booleans (texts, tokens), the tokens that are attended to; None for all.
            real: booleans (texts, tokens), the tokens that are pooled; None for those seen.
        """
        hidden = self.base(tokens, seen)
        if self._pooling == "mean":
            hidden = _mean(hidden, seen if real is None else real)
        elif self._pooling == "last":
            hidden = _last(hidden, seen if real is None else real)
        elif self._pooling == "cls":
            hidden = hidden[:, :1]
        for projection in self.projections:
            hidden = projection(hidden)
        return normalised(hidden) if self._normalised else hidden

    def parts(self, tokens: mx.array) -> mx.array:
        """Return the part of each token in the one vector of its text (texts, tokens, dimensions).

        The rows of a text sum to its vector. Only for an encoder that is ``summed``.

        Args:
            tokens: ids (texts, tokens), without padding.
        """
        hidden = self.base(tokens)
        for projection in self.projections:
            hidden = projection(hidden)
        if not self._normalised:
            return hidden / hidden.shape[1]
        length = mx.linalg.norm(hidden.sum(axis=1, keepdims=True), axis=-1, keepdims=True)
        return hidden / mx.maximum(length, 1e-12)


class Dense(nn.Module):
    """A projection."""

    def __init__(self, projection: Projection) -> None:
        super().__init__()
        self.linear = nn.Linear(projection.inputs, projection.outputs, bias=projection.bias)
        self._residual = projection.residual
        if projection.residual and projection.inputs != projection.outputs:
            self.residual = nn.Linear(projection.inputs, projection.outputs, bias=False)
        self._tanh = projection.activation == "tanh"

    def __call__(self, x: mx.array) -> mx.array:
        """Return the projected vectors."""
        projected = self.linear(x)
        projected = mx.tanh(projected) if self._tanh else projected
        if self._residual:
            projected = projected + (self.residual(x) if "residual" in self else x)
        return projected


def named_parameters(module: EncoderModule) -> dict[str, mx.array]:
    """Return the parameters by their names, such as ``base.embeddings.LayerNorm.bias``."""
    return cast("dict[str, mx.array]", tree_flatten(module.parameters(), destination={}))


def _transformer(spec: EncoderSpec) -> Transformer:
    model, read_config = _TRANSFORMERS[spec.family]
    return cast("Transformer", model(read_config(spec.folder / "config.json")))


def _last(hidden: mx.array, real: mx.array | None) -> mx.array:
    if real is None:
        return hidden[:, -1:]
    last = real.astype(mx.int32).sum(axis=1, keepdims=True) - 1
    weight = (mx.arange(hidden.shape[1]) == last).astype(hidden.dtype)
    return weight[:, None, :] @ hidden


def _mean(hidden: mx.array, real: mx.array | None) -> mx.array:
    if real is None:
        return hidden.mean(axis=1, keepdims=True)
    weight = real.astype(hidden.dtype)[:, None, :]
    return (weight @ hidden) / mx.maximum(weight.sum(axis=-1, keepdims=True), 1.0)
