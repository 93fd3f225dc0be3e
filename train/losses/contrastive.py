"""``contrastive``: each good document against those of the batch that the query does not want.

    L = mean over pairs q, d with G_qd >= 4, with the weights W_qd, of
        -log (exp(S_qd / T) / (exp(S_qd / T) + sum_n exp(S_qn / T)))

InfoNCE (van den Oord, Li and Vinyals 2018, arXiv:1807.03748) with the other documents of the batch
as negatives (Karpukhin et al. 2020, arXiv:2004.04906). The negatives n of a query are those of the
batch, less what may be wanted after all: whatever its grades put at 3 or more, and whatever has the
path of one of its good documents. A pair graded below 3 is a hard negative. A query's good
documents do not compete with each other.
"""

from __future__ import annotations

from typing import Final

import mlx.core as mx

from train.grade_bounds import GOOD
from train.losses.graded_batch import GradedBatch, weighted_mean

_NONE: Final = -1e9


def contrastive(scores: mx.array, graded: GradedBatch, temperature: float) -> mx.array:
    """Return the mean cross-entropy of a good pair, in nats.

    Args:
        scores: S.
        graded: G, W, and which documents are negatives of which query.
        temperature: T.
    """
    logits = scores / temperature
    others = mx.where(graded.negatives, logits, _NONE)
    others = mx.logsumexp(others, axis=1, keepdims=True)
    good = graded.graded & (graded.grades >= GOOD)
    entropies = mx.where(good, mx.logaddexp(others - logits, 0.0), 0.0)
    return weighted_mean(entropies, mx.where(good, graded.weights, 0.0))
