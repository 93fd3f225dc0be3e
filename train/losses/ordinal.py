"""``ordinal``: a cumulative logit model of the grade, its thresholds learned with the encoder.

    z_k = exp(a) S - t_k                   t_1 < t_2 < t_3 < t_4
    P(grade > k) = sigmoid(z_k)            k = 1..4
    y_k = min(max(G - k, 0), 1)
    L = mean_W sum_k (softplus(z_k) - y_k z_k)

The model is that of McCullagh 1980 ("Regression models for ordinal data") and Agresti ("Analysis of
ordinal categorical data", chapter 3): one score, a threshold between each two grades. It is fitted
as CORAL does (Cao, Mirjalili and Raschka 2020, arXiv:1901.07884): the sum of the cross-entropies of
the four questions "is the grade above k?", in nats. A grade of 3.4 answers the third with 0.4.
The thresholds are t_1 and three gaps, each a softplus, so that they stay in order.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import mlx.core as mx

from train.losses.graded_batch import GradedBatch, weighted_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

_QUESTIONS: Final = 4
#: At first the thresholds lie at the scores 0.2, 0.35, 0.5 and 0.65.
_SCALE: Final = 10.0
_FIRST: Final = 2.0
_GAP: Final = 1.5


def first_head() -> dict[str, mx.array]:
    """Return a, the logarithm of the scale; t_1; and what the three gaps are softplus of."""
    return {
        "scale": mx.array(math.log(_SCALE)),
        "first": mx.array(_FIRST),
        "gaps": mx.full((_QUESTIONS - 1,), math.log(math.expm1(_GAP))),
    }


def ordinal(scores: mx.array, graded: GradedBatch, head: Mapping[str, mx.array]) -> mx.array:
    """Return the weighted mean cross-entropy of a pair, in nats."""
    gaps = mx.logaddexp(head["gaps"], 0.0)
    thresholds = head["first"] + mx.concatenate([mx.zeros((1,)), mx.cumsum(gaps)])
    logits = mx.exp(head["scale"]) * scores[..., None] - thresholds
    above = mx.clip(graded.grades[..., None] - mx.arange(1, _QUESTIONS + 1), 0.0, 1.0)
    entropies = (mx.logaddexp(logits, 0.0) - above * logits).sum(axis=-1)
    return weighted_mean(mx.where(graded.graded, entropies, 0.0), graded.weights)
