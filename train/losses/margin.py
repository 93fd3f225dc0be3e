"""``margin``: of two documents of a query, the better one is to lead by a margin per grade.

    L = mean over queries q and documents i, j with G_qi > G_qj, with the weights W_qi W_qj, of
        max(0, m (G_qi - G_qj) - (S_qi - S_qj))

The pairwise hinge of the ranking SVM (Herbrich, Graepel and Obermayer 2000; Joachims 2002), its
margin scaled by the difference of the grades as in the structured losses after Taskar et al. 2004.
"""

from __future__ import annotations

import mlx.core as mx

from train.losses.graded_batch import GradedBatch, weighted_mean


def margin(scores: mx.array, graded: GradedBatch, step: float) -> mx.array:
    """Return the mean shortfall, in units of the score.

    Args:
        scores: S.
        graded: G, W.
        step: m, the difference of scores that one grade is to make.
    """
    apart = graded.grades[:, :, None] - graded.grades[:, None, :]
    lead = scores[:, :, None] - scores[:, None, :]
    both = graded.graded[:, :, None] & graded.graded[:, None, :] & (apart > 0)
    weights = graded.weights[:, :, None] * graded.weights[:, None, :] * both
    return weighted_mean(mx.where(both, mx.maximum(step * apart - lead, 0.0), 0.0), weights)
