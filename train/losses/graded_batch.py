"""What is known of each query and document of a batch, and the mean that all losses take."""

from __future__ import annotations

from typing import NamedTuple

import mlx.core as mx


class GradedBatch(NamedTuple):
    """What is known of each query and document of a batch; all are (queries, documents).

    A NamedTuple, since MLX takes tuples apart on the way into a compiled function.

    Args:
        grades: from 1 to 5; anything where ``graded`` is false.
        graded: booleans: whether the set grades this pair.
        weights: how much the pair counts, from 0 to 1; 0 where it is not graded.
        negatives: booleans: whether the document counts as one that the query does not want.
    """

    grades: mx.array
    graded: mx.array
    weights: mx.array
    negatives: mx.array


def weighted_mean(terms: mx.array, weights: mx.array) -> mx.array:
    """Return the sum of terms * weights over the sum of the weights, 0 when that is 0."""
    total = weights.sum()
    return (terms * weights).sum() / mx.where(total > 0, total, 1.0)
