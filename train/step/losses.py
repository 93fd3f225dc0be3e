"""The losses of a run, summed with their weights.

What is known of each query and document of a batch, and the mean that all losses take.

``contrastive``: each good document against those of the batch that the query does not want.

    L = mean over pairs q, d with G_qd >= 4, with the weights W_qd, of
        -log (exp(S_qd / T) / (exp(S_qd / T) + sum_n exp(S_qn / T)))

InfoNCE (van den Oord, Li and Vinyals 2018, arXiv:1807.03748) with the other documents of the batch
as negatives (Karpukhin et al. 2020, arXiv:2004.04906). The negatives n of a query are those of the
batch, less what may be wanted after all: whatever its grades put at 3 or more, and whatever has the
path of one of its good documents. A pair graded below 3 is a hard negative. A query's good
documents do not compete with each other.

``kl``: what the grades say of a query's candidates, distilled into the scores.

    p_qd = exp(G_qd) / sum_e exp(G_qe)               over the graded documents e of the query q
    s_qd = exp(S_qd / T) / sum_e exp(S_qe / T)
    L = mean over queries of sum_d p_qd log(p_qd / s_qd)

A query counts with the mean weight of its candidates, and only when it has two of them or more.
The divergence from a teacher's distribution over candidates is that of ListNet (Cao et al. 2007)
and of the distillation in ColBERTv2 (Santhanam et al. 2022, arXiv:2112.01488, section 3.2). One
grade more makes a document e times as likely.

``margin``: of two documents of a query, the better one is to lead by a margin per grade.

    L = mean over queries q and documents i, j with G_qi > G_qj, with the weights W_qi W_qj, of
        max(0, m (G_qi - G_qj) - (S_qi - S_qj))

The pairwise hinge of the ranking SVM (Herbrich, Graepel and Obermayer 2000; Joachims 2002), its
margin scaled by the difference of the grades as in the structured losses after Taskar et al. 2004.

``mse``: the squared error of the grade that a score stands for.

    y = (G - 1) / 4                        from 0, irrelevant, to 1, exactly what is wanted
    L = mean_W (exp(a) S + b - y)**2

An encoder's scores of what nobody wants are rarely 0 (late interaction gives 0.5 and more), so a
slope exp(a) > 0 and an offset b are learned with the encoder. They start at 1 and 0, where S is
compared with y as it is (the regression on cosines of Sentence-BERT: Reimers and Gurevych 2019,
arXiv:1908.10084, section 3), and change no ranking.

``ordinal``: a cumulative logit model of the grade, its thresholds learned with the encoder.

    z_k = exp(a) S - t_k                   t_1 < t_2 < t_3 < t_4
    P(grade > k) = sigmoid(z_k)            k = 1..4
    y_k = min(max(G - k, 0), 1)
    L = mean_W sum_k (softplus(z_k) - y_k z_k)

The model is that of McCullagh 1980 ("Regression models for ordinal data") and Agresti ("Analysis of
ordinal categorical data", chapter 3): one score, a threshold between each two grades. It is fitted
as CORAL does (Cao, Mirjalili and Raschka 2020, arXiv:1901.07884): the sum of the cross-entropies of
the four questions "is the grade above k?", in nats. A grade of 3.4 answers the third with 0.4.
The thresholds are t_1 and three gaps, each a softplus, so that they stay in order.

The losses: pure functions of a batch's scores and grades, a file each.

They share their arguments:

- ``scores`` S, float32 (queries, documents): the mean over a query's tokens of the highest cosine
  with a token of the document, so within [-1, 1]; see ``train.step.trainee``.
- ``graded``, a ``GradedBatch``: grades G from 1 to 5, weights W, and which documents are negatives.

Each returns one number, the mean of its terms with the weights of their pairs. A batch that has no
term for a loss gives 0.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import mlx.core as mx

from core.records import GOOD_GRADE
from train.config import LossName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from train.config import RunConfig


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
    good = graded.graded & (graded.grades >= GOOD_GRADE)
    entropies = mx.where(good, mx.logaddexp(others - logits, 0.0), 0.0)
    return weighted_mean(entropies, mx.where(good, graded.weights, 0.0))


_NO_GRADE = -1e9


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
    among = mx.where(graded, values, _NO_GRADE)
    return among - mx.logsumexp(among, axis=1, keepdims=True)


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


def first_head() -> dict[str, mx.array]:
    """Return a, the logarithm of the slope, and b, the offset."""
    return {"slope": mx.array(0.0), "offset": mx.array(0.0)}


def mse(scores: mx.array, graded: GradedBatch, head: Mapping[str, mx.array]) -> mx.array:
    """Return the weighted mean squared error, in squares of a whole scale's length (4 grades)."""
    target = (graded.grades - 1) / 4
    error = mx.exp(head["slope"]) * scores + head["offset"] - target
    return weighted_mean(mx.where(graded.graded, error * error, 0.0), graded.weights)


_QUESTIONS: Final = 4
#: At first the thresholds lie at the scores 0.2, 0.35, 0.5 and 0.65.
_SCALE: Final = 10.0
_FIRST: Final = 2.0
_GAP: Final = 1.5


def first_head_ordinal() -> dict[str, mx.array]:
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


#: What a loss learns beside the encoder: its name -> the names and values of its own weights.
Heads = dict[str, dict[str, "mx.array"]]


def first_heads(config: RunConfig) -> Heads:
    """Return the weights that the losses of a run start from, of those that have any."""
    makers = {LossName.MSE: first_head, LossName.ORDINAL: first_head_ordinal}
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


__all__ = ["GradedBatch", "Heads", "first_heads", "weighted_sum"]
