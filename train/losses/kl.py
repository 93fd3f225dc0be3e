"""``kl``: what the grades say of a query's candidates, distilled into the scores.

    p_qd = exp(G_qd) / sum_e exp(G_qe)               over the graded documents e of the query q
    s_qd = exp(S_qd / T) / sum_e exp(S_qe / T)
    L = mean over queries of sum_d p_qd log(p_qd / s_qd)

A query counts with the mean weight of its candidates, and only when it has two of them or more.
The divergence from a teacher's distribution over candidates is that of ListNet (Cao et al. 2007)
and of the distillation in ColBERTv2 (Santhanam et al. 2022, arXiv:2112.01488, section 3.2). One
grade more makes a document e times as likely.
"""

from __future__ import annotations

import mlx.core as mx

from train.losses.graded_batch import GradedBatch, weighted_mean

_NONE = -1e9


def kl(scores: mx.array, graded: GradedBatch, temperature: float) -> mx.array:
    """Return the mean divergence of a query, in nats.

    Args:
        scores: S.
        graded: G, W.
        temperature: T.
    """
    teacher = _log_softmax(graded.grades, graded.graded)
    student = _log_softmax(scores / temperature, graded.graded)
    apart = mx.where(graded.graded, mx.exp(teacher) * (teacher - student), 0.0).sum(axis=1)
    candidates = graded.graded.sum(axis=1)
    weights = graded.weights.sum(axis=1) / mx.maximum(candidates, 1)
    return weighted_mean(apart, mx.where(candidates > 1, weights, 0.0))


def _log_softmax(values: mx.array, graded: mx.array) -> mx.array:
    among = mx.where(graded, values, _NONE)
    return among - mx.logsumexp(among, axis=1, keepdims=True)
