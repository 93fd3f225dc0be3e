"""``mse``: the squared error of the grade that a score stands for.

    y = (G - 1) / 4                        from 0, irrelevant, to 1, exactly what is wanted
    L = mean_W (exp(a) S + b - y)**2

An encoder's scores of what nobody wants are rarely 0 (late interaction gives 0.5 and more), so a
slope exp(a) > 0 and an offset b are learned with the encoder. They start at 1 and 0, where S is
compared with y as it is (the regression on cosines of Sentence-BERT: Reimers and Gurevych 2019,
arXiv:1908.10084, section 3), and change no ranking.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import mlx.core as mx

from train.losses.graded_batch import GradedBatch, weighted_mean

if TYPE_CHECKING:
    from collections.abc import Mapping


def first_head() -> dict[str, mx.array]:
    """Return a, the logarithm of the slope, and b, the offset."""
    return {"slope": mx.array(0.0), "offset": mx.array(0.0)}


def mse(scores: mx.array, graded: GradedBatch, head: Mapping[str, mx.array]) -> mx.array:
    """Return the weighted mean squared error, in squares of a whole scale's length (4 grades)."""
    target = (graded.grades - 1) / 4
    error = mx.exp(head["slope"]) * scores + head["offset"] - target
    return weighted_mean(mx.where(graded.graded, error * error, 0.0), graded.weights)
