"""The losses of a run, summed with their weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from train.losses.contrastive import contrastive
from train.losses.kl import kl
from train.losses.margin import margin
from train.losses.mse import first_head as first_mse
from train.losses.mse import mse
from train.losses.ordinal import first_head as first_ordinal
from train.losses.ordinal import ordinal
from train.run_config import LossName

if TYPE_CHECKING:
    import mlx.core as mx

    from train.losses.graded_batch import GradedBatch
    from train.run_config import RunConfig

#: What a loss learns beside the encoder: its name -> the names and values of its own weights.
Heads = dict[str, dict[str, "mx.array"]]


def first_heads(config: RunConfig) -> Heads:
    """Return the weights that the losses of a run start from, of those that have any."""
    makers = {LossName.MSE: first_mse, LossName.ORDINAL: first_ordinal}
    return {str(name): makers[name]() for name, _ in config.losses if name in makers}


def weighted_sum(
    config: RunConfig, scores: mx.array, graded: GradedBatch, heads: Heads
) -> tuple[mx.array, dict[str, mx.array]]:
    """Return the sum of the run's losses with their weights, and each of them without."""
    parts = {str(name): _loss(name, config, scores, graded, heads) for name, _ in config.losses}
    first, *others = (weight * parts[str(name)] for name, weight in config.losses)
    return sum(others, start=first), parts


def _loss(
    name: LossName, config: RunConfig, scores: mx.array, graded: GradedBatch, heads: Heads
) -> mx.array:
    match name:
        case LossName.MSE:
            return mse(scores, graded, heads[str(name)])
        case LossName.ORDINAL:
            return ordinal(scores, graded, heads[str(name)])
        case LossName.MARGIN:
            return margin(scores, graded, config.margin)
        case LossName.KL:
            return kl(scores, graded, config.temperature)
        case LossName.CONTRASTIVE:
            return contrastive(scores, graded, config.temperature)
