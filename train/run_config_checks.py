"""What is wrong with a run's settings, field by field: for the file, the form and the command."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from train.run_config import LoraConfig, RunConfig

#: The encoder's special tokens and one of the text's own.
_SHORTEST: Final = 4


@dataclass(frozen=True, slots=True)
class _Bound:
    """What a number has to be: in words and as a test."""

    low: float
    high: float = math.inf
    above_low: bool = False
    below_high: bool = False

    def holds(self, value: float) -> bool:
        if not math.isfinite(value) or value < self.low or value > self.high:
            return False
        return not (
            (self.above_low and value == self.low) or (self.below_high and value == self.high)
        )

    @property
    def words(self) -> str:
        low = f"{'more than' if self.above_low else 'at least'} {self.low:g}"
        if math.isinf(self.high):
            return low
        return f"{low} and {'less than' if self.below_high else 'at most'} {self.high:g}"


_BOUNDS: Final = {
    "temperature": _Bound(0, above_low=True),
    "margin": _Bound(0, 2, above_low=True),
    "epochs": _Bound(0, above_low=True),
    "batch_size": _Bound(2),
    "pairs_per_query": _Bound(0),
    "group_size": _Bound(1),
    "extra_documents": _Bound(0),
    "accumulation": _Bound(1),
    "learning_rate": _Bound(0, 1, above_low=True),
    "warmup": _Bound(0, 1),
    "weight_decay": _Bound(0, 1),
    "clip_norm": _Bound(0),
    "query_length": _Bound(_SHORTEST),
    "document_length": _Bound(_SHORTEST),
    "evaluate_every": _Bound(0),
    "patience": _Bound(0),
    "checkpoint_every": _Bound(0),
    "checkpoints_kept": _Bound(1),
    "seed": _Bound(0, 2**32, below_high=True),
}
_LORA_BOUNDS: Final = {
    "rank": _Bound(1),
    "alpha": _Bound(0, above_low=True),
    "dropout": _Bound(0, 1, below_high=True),
}


def config_problems(config: RunConfig) -> dict[str, str]:
    """Return what is wrong with each field that is: its name -> a clause, such as
    ``should be at least 1, not 0``. Fields of LoRA are named ``lora.rank`` and so on.
    """  # noqa: D205 - the first sentence needs two lines
    found = _out_of_bounds(config, _BOUNDS, "")
    if not config.base.strip():
        found["base"] = "should name the encoder that the run starts from"
    names = [name for name, _ in config.losses]
    if not names:
        found["losses"] = "should name at least one loss"
    elif len(set(names)) < len(names):
        found["losses"] = "should name each loss once"
    elif not all(math.isfinite(weight) and weight > 0 for _, weight in config.losses):
        found["losses"] = "should have weights above 0"
    found |= _out_of_bounds(config.lora, _LORA_BOUNDS, "lora.")
    if not config.lora.modules or not all(config.lora.modules):
        found["lora.modules"] = "should name at least one module, or auto"
    return found


def _out_of_bounds(
    config: RunConfig | LoraConfig, bounds: dict[str, _Bound], prefix: str
) -> dict[str, str]:
    values = {name: getattr(config, name) for name in bounds}
    return {
        prefix + name: f"should be {bound.words}, not {values[name]:g}"
        for name, bound in bounds.items()
        if values[name] is not None and not bound.holds(values[name])
    }
