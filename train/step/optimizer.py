"""AdamW (Loshchilov and Hutter 2017, arXiv:1711.05101), with warm-up, a cosine and clipping."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import mlx.core as mx

if TYPE_CHECKING:
    from collections.abc import Iterable

    from train.config import RunConfig

    Arrays = dict[str, mx.array]

BETAS: Final = (0.9, 0.999)
EPSILON: Final = 1e-8
#: The highest rate of the losses' own few weights, whose scale is not that of an encoder's.
HEAD_RATE: Final = 0.01
HEAD: Final = "heads."
_MATRIX: Final = 2


class Moments(NamedTuple):
    """Running means of each gradient and of its square."""

    first: Arrays
    second: Arrays


def no_moments(parameters: Arrays) -> Moments:
    """Return the moments before the first step."""
    return Moments(
        {name: mx.zeros_like(value) for name, value in parameters.items()},
        {name: mx.zeros_like(value) for name, value in parameters.items()},
    )


def warmup_steps(config: RunConfig, steps: int) -> int:
    """Return the number of steps in which the rate rises."""
    return math.ceil(config.warmup * steps)


def share_of_rate(step: int, steps: int, warmup: int) -> float:
    """Return the share of the highest rate at a step, counted from 0: a rise, then a cosine.

    The first step has 1 / warmup of it; after the last one it would be 0.
    """
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(steps - warmup, 1)))


def squared_norm(gradients: Iterable[mx.array]) -> mx.array:
    """Return the square of the length of all gradients as one vector."""
    return sum(
        (mx.square(gradient.astype(mx.float32)).sum() for gradient in gradients),
        start=mx.array(0.0),
    )


def clipping(norm: mx.array, longest: float) -> mx.array:
    """Return the factor that leaves a gradient no longer than ``longest``; 0 leaves it as it is."""
    return mx.minimum(longest / mx.maximum(norm, 1e-12), 1.0) if longest else mx.ones_like(norm)


def adamw(
    parameters: Arrays,
    gradients: Arrays,
    moments: Moments,
    *,
    share: mx.array,
    factor: mx.array,
    count: mx.array,
    config: RunConfig,
) -> tuple[Arrays, Moments]:
    """Return the parameters and moments after a step.

    Vectors (biases, norms) and the losses' own weights do not decay.

    Args:
        parameters: name -> value.
        gradients: the same names.
        moments: the same names.
        share: of the highest rate, from ``share_of_rate``.
        factor: what the gradients are multiplied with, from ``clipping``.
        count: steps taken, this one among them.
        config: the run's settings.
    """
    first, second, updated = {}, {}, {}
    unbiased = [-mx.expm1(count * math.log(beta)) for beta in BETAS]
    for name, gradient in gradients.items():
        value, scaled = parameters[name], gradient * factor
        first[name] = BETAS[0] * moments.first[name] + (1 - BETAS[0]) * scaled
        second[name] = BETAS[1] * moments.second[name] + (1 - BETAS[1]) * scaled * scaled
        head = name.startswith(HEAD)
        rate = share * (HEAD_RATE if head else config.learning_rate)
        step = (first[name] / unbiased[0]) / (mx.sqrt(second[name] / unbiased[1]) + EPSILON)
        if not head and value.ndim >= _MATRIX:
            step = step + config.weight_decay * value
        updated[name] = value - rate * step
    return updated, Moments(first, second)
