"""Low-rank adaptation (Hu et al. 2021, arXiv:2106.09685): x W' + alpha / rank * drop(x) A' B'."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, cast

import mlx.core as mx
from mlx import nn
from mlx.utils import tree_unflatten

from core.encoder.models.module import named_parameters
from core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.encoder.models.module import EncoderModule
    from core.encoder.spec import Family
    from train.config import LoraConfig


AUTO: Final = "auto"
#: The query and value projections; ModernBERT has one matrix for these and the keys.
_AUTO_MODULES: Final[dict[Family, tuple[str, ...]]] = {
    "bert": ("query", "value"),
    "distilbert": ("query", "value"),
    "modernbert": ("Wqkv",),
    "mpnet": ("query", "value"),
    "qwen3": ("q_proj", "v_proj"),
    "roberta": ("query", "value"),
    "t5": ("q", "v"),
}
_A: Final = ".lora_a"
_B: Final = ".lora_b"


class DropoutKeys:
    """Gives each dropout of a forward pass a key of its own, split off the key of the pass."""

    def __init__(self) -> None:
        self._key: mx.array | None = None
        self._used = 0

    def begin(self, key: mx.array | None) -> None:
        """Start a pass; without a key nothing is dropped."""
        self._key, self._used = key, 0

    def next(self) -> mx.array | None:
        """Return the next key."""
        if self._key is None:
            return None
        self._used += 1
        return mx.random.split(self._key, self._used + 1)[self._used]


class LoraLinear(nn.Module):
    """A linear layer with a low-rank addition; ``weight`` and ``bias`` keep their names."""

    def __init__(self, linear: nn.Linear, lora: LoraConfig, keys: DropoutKeys) -> None:
        super().__init__()
        outputs, inputs = linear.weight.shape
        self.weight = linear.weight
        if "bias" in linear:
            self.bias = linear.bias
        bound = 1 / math.sqrt(inputs)
        self.lora_a = mx.random.uniform(-bound, bound, (lora.rank, inputs))
        self.lora_b = mx.zeros((outputs, lora.rank))
        self._scale = lora.alpha / lora.rank
        self._dropout = lora.dropout
        self._keys = keys

    def __call__(self, x: mx.array) -> mx.array:
        """Return the sum of the layer's output and the addition's."""
        y = x @ self.weight.T
        if "bias" in self:
            y = y + self.bias
        return y + (_dropped(x, self._dropout, self._keys) @ self.lora_a.T) @ (
            self._scale * self.lora_b.T
        )


def _dropped(x: mx.array, share: float, keys: DropoutKeys) -> mx.array:
    key = keys.next() if share else None
    if key is None:
        return x
    return x * mx.random.bernoulli(1 - share, x.shape, key=key) / (1 - share)


def lora_modules(lora: LoraConfig, family: Family) -> tuple[str, ...]:
    """Return the last parts of the adapted layers' names, ``auto`` resolved, each once."""
    names = [
        n for name in lora.modules for n in (_AUTO_MODULES[family] if name == AUTO else [name])
    ]
    return tuple(dict.fromkeys(names))


def add_lora(module: EncoderModule, family: Family, lora: LoraConfig, seed: int) -> DropoutKeys:
    """Add LoRA to the named layers of the transformer; return the keys of its dropout.

    The first A is drawn uniformly within 1 / sqrt(inputs), as PEFT does, and B is 0, so that
    at first the encoder computes what it did.

    Raises:
        InputError: no linear layer has one of the names.
    """
    wanted = lora_modules(lora, family)
    linear = {
        name: layer
        for name, layer in cast("nn.Module", module.base).named_modules()
        if isinstance(layer, nn.Linear)
    }
    endings = {name.rpartition(".")[2] for name in linear}
    missing = [name for name in wanted if name not in endings]
    if missing:
        raise InputError(
            f"the encoder has no layer {missing[0]} to adapt",
            where="lora.modules",
            todo=f"These are: {', '.join(sorted(endings))}.",
        )
    mx.random.seed(seed)
    keys = DropoutKeys()
    adapted = [
        (f"base.{name}", LoraLinear(linear[name], lora, keys))
        for name in sorted(linear)
        if name.rpartition(".")[2] in wanted
    ]
    module.update_modules(tree_unflatten(adapted))
    return keys


def lora_parameters(module: EncoderModule) -> dict[str, mx.array]:
    """Return the additions' weights by name."""
    named = named_parameters(module)
    return {name: value for name, value in named.items() if name.endswith((_A, _B))}


def adapted_layers(additions: Mapping[str, mx.array]) -> list[str]:
    """Return the adapted layers' names within the bare transformer."""
    return [name.removeprefix("base.").removesuffix(_A) for name in additions if name.endswith(_A)]


def merged(
    weights: Mapping[str, mx.array], additions: Mapping[str, mx.array], lora: LoraConfig
) -> dict[str, mx.array]:
    """Return the adapted layers' own weights with the additions in them: W + alpha / rank * B A."""
    names = [name.removesuffix(_A) for name in additions if name.endswith(_A)]
    scale = lora.alpha / lora.rank
    return {
        f"{name}.weight": weights[f"{name}.weight"]
        + scale * (additions[name + _B] @ additions[name + _A])
        for name in names
    }


def peft_names(additions: Mapping[str, mx.array]) -> dict[str, mx.array]:
    """Return the additions under the names that PEFT gives them around the bare transformer."""
    renamed = {}
    for name, value in additions.items():
        layer, _, kind = name.removeprefix("base.").rpartition(".")
        renamed[f"base_model.model.{layer}.{kind[:-1]}{kind[-1].upper()}.weight"] = value
    return renamed
