"""The losses that a run can sum: pure functions of a batch's scores and grades.

``LOSSES`` is their registry; the command line, the form, the checks and the docs read it. To add a
loss, write its function and register it here, and test it. MLX is imported by the functions, since
the command line and the form read the registry where MLX must not be loaded.

All losses share their arguments:

- ``scores`` S, float32 (queries, documents), within [-1, 1]: see ``train.step.trainee.maxsim``.
- ``graded``, a ``GradedBatch``: grades G from 1 to 5, weights W, and which documents are negatives.
- ``config``: the run's settings, for the temperature T and the margin m.
- ``head``: the loss's own learned weights, if it has any.

Each returns one number: the mean of its terms with the weights of their pairs, 0 for a batch
without a term.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from core.records import GOOD_GRADE, is_good

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import mlx.core as mx

    from train.dataset.records import TrainingPair

    Head = Mapping[str, mx.array]

#: The learned weights of the losses: the loss's name -> the weight's name -> its value.
Heads = dict[str, dict[str, "mx.array"]]


class GradedBatch(NamedTuple):
    """What is known of each query and document of a batch; all arrays are (queries, documents).

    A NamedTuple, since MLX takes tuples apart on the way into a compiled function.

    Args:
        grades: from 1 to 5; anything where ``graded`` is false.
        graded: booleans: whether the set grades this pair.
        weights: of the pairs, from 0 to 1; 0 where one is not graded.
        negatives: booleans: whether the query does not want the document.
    """

    grades: mx.array
    graded: mx.array
    weights: mx.array
    negatives: mx.array


def contrastive(
    scores: mx.array, graded: GradedBatch, config: LossSettings, _head: Head
) -> mx.array:
    """Return the mean cross-entropy, in nats, of a good document among a query's negatives.

        L = mean over pairs q, d with G_qd >= 4, with the weights W_qd, of
            -log (exp(S_qd / T) / (exp(S_qd / T) + sum_n exp(S_qn / T)))

    InfoNCE (van den Oord, Li and Vinyals 2018, arXiv:1807.03748) with the other documents of the
    batch as negatives (Karpukhin et al. 2020, arXiv:2004.04906). The negatives n of a query leave
    out what may be wanted after all: whatever its grades put at 3 or more, and whatever has the
    path of one of its good documents. A pair graded below 3 is a hard negative. A query's good
    documents do not compete with each other.
    """
    import mlx.core as mx

    logits = scores / config.temperature
    others = mx.where(graded.negatives, logits, _EXCLUDED)
    others = mx.logsumexp(others, axis=1, keepdims=True)
    good = graded.graded & (graded.grades >= GOOD_GRADE)
    entropies = mx.where(good, mx.logaddexp(others - logits, 0.0), 0.0)
    return _weighted_mean(entropies, mx.where(good, graded.weights, 0.0))


def kl(scores: mx.array, graded: GradedBatch, config: LossSettings, _head: Head) -> mx.array:
    """Return the mean divergence, in nats, of a query's scores from its grades.

        p_qd = exp(G_qd) / sum_e exp(G_qe)               over the graded documents e of the query q
        s_qd = exp(S_qd / T) / sum_e exp(S_qe / T)
        L = mean over queries of sum_d p_qd log(p_qd / s_qd)

    A query counts with the mean weight of its graded documents, and only with two of them or more.
    The divergence from a teacher's distribution over candidates is that of ListNet (Cao et al.
    2007) and of the distillation in ColBERTv2 (Santhanam et al. 2022, arXiv:2112.01488, section
    3.2). One grade more makes a document e times as likely.
    """
    import mlx.core as mx

    teacher = _log_softmax(graded.grades, graded.graded)
    student = _log_softmax(scores / config.temperature, graded.graded)
    apart = mx.where(graded.graded, mx.exp(teacher) * (teacher - student), 0.0).sum(axis=1)
    candidates = graded.graded.sum(axis=1)
    weights = graded.weights.sum(axis=1) / mx.maximum(candidates, 1)
    return _weighted_mean(apart, mx.where(candidates > 1, weights, 0.0))


def margin(scores: mx.array, graded: GradedBatch, config: LossSettings, _head: Head) -> mx.array:
    """Return the mean shortfall, in units of the score, of the lead of better documents.

        L = mean over queries q and documents i, j with G_qi > G_qj, with the weights W_qi W_qj, of
            max(0, m (G_qi - G_qj) - (S_qi - S_qj))

    The pairwise hinge of the ranking SVM (Herbrich, Graepel and Obermayer 2000; Joachims 2002), its
    margin scaled by the difference of the grades as in the structured losses after Taskar et al.
    2004.
    """
    import mlx.core as mx

    apart = graded.grades[:, :, None] - graded.grades[:, None, :]
    lead = scores[:, :, None] - scores[:, None, :]
    both = graded.graded[:, :, None] & graded.graded[:, None, :] & (apart > 0)
    weights = graded.weights[:, :, None] * graded.weights[:, None, :] * both
    shortfall = mx.maximum(config.margin * apart - lead, 0.0)
    return _weighted_mean(mx.where(both, shortfall, 0.0), weights)


def mse(scores: mx.array, graded: GradedBatch, _config: LossSettings, head: Head) -> mx.array:
    """Return the mean squared error of the grade, in squares of the whole scale (4 grades).

        y = (G - 1) / 4                        from 0, irrelevant, to 1, exactly what is wanted
        L = mean_W (exp(a) S + b - y)**2

    An encoder's scores of unwanted documents are rarely 0 (late interaction gives 0.5 and more), so
    a slope exp(a) > 0 and an offset b are learned with the encoder. They start at 1 and 0, where S
    is compared with y as it is (the regression on cosines of Sentence-BERT: Reimers and Gurevych
    2019, arXiv:1908.10084, section 3), and change no ranking.
    """
    import mlx.core as mx

    target = (graded.grades - 1) / 4
    error = mx.exp(head["slope"]) * scores + head["offset"] - target
    return _weighted_mean(mx.where(graded.graded, error * error, 0.0), graded.weights)


def _mse_head() -> dict[str, mx.array]:
    import mlx.core as mx

    return {"slope": mx.array(0.0), "offset": mx.array(0.0)}


def ordinal(scores: mx.array, graded: GradedBatch, _config: LossSettings, head: Head) -> mx.array:
    """Return the mean cross-entropy, in nats, of a grade under a cumulative logit model.

        z_k = exp(a) S - t_k                   t_1 < t_2 < t_3 < t_4
        P(grade > k) = sigmoid(z_k)            k = 1..4
        y_k = min(max(G - k, 0), 1)
        L = mean_W sum_k (softplus(z_k) - y_k z_k)

    The model is that of McCullagh 1980 ("Regression models for ordinal data") and Agresti
    ("Analysis of ordinal categorical data", chapter 3): one score, a threshold between each two
    grades. It is fitted as CORAL does (Cao, Mirjalili and Raschka 2020, arXiv:1901.07884): the sum
    of the cross-entropies of the four questions "is the grade above k?". A grade of 3.4 answers the
    third with 0.4. The thresholds are t_1 and three gaps, each a softplus, so that they stay in
    order; they are learned with the encoder.
    """
    import mlx.core as mx

    gaps = mx.logaddexp(head["gaps"], 0.0)
    thresholds = head["first"] + mx.concatenate([mx.zeros((1,)), mx.cumsum(gaps)])
    logits = mx.exp(head["scale"]) * scores[..., None] - thresholds
    above = mx.clip(graded.grades[..., None] - mx.arange(1, _THRESHOLDS + 1), 0.0, 1.0)
    entropies = (mx.logaddexp(logits, 0.0) - above * logits).sum(axis=-1)
    return _weighted_mean(mx.where(graded.graded, entropies, 0.0), graded.weights)


_THRESHOLDS: Final = 4
#: The thresholds start at the scores 0.2, 0.35, 0.5 and 0.65.
_SCALE: Final = 10.0
_FIRST: Final = 2.0
_GAP: Final = 1.5


def _ordinal_head() -> dict[str, mx.array]:
    """Return a, the logarithm of the scale; t_1; and the numbers whose softplus are the gaps."""
    import mlx.core as mx

    return {
        "scale": mx.array(math.log(_SCALE)),
        "first": mx.array(_FIRST),
        "gaps": mx.full((_THRESHOLDS - 1,), math.log(math.expm1(_GAP))),
    }


#: A logit that adds nothing to a softmax.
_EXCLUDED: Final = -1e9


def _weighted_mean(terms: mx.array, weights: mx.array) -> mx.array:
    """Return sum(terms * weights) / sum(weights), 0 where the weights sum to 0."""
    import mlx.core as mx

    total = weights.sum()
    return (terms * weights).sum() / mx.where(total > 0, total, 1.0)


def _log_softmax(values: mx.array, graded: mx.array) -> mx.array:
    import mlx.core as mx

    among = mx.where(graded, values, _EXCLUDED)
    return among - mx.logsumexp(among, axis=1, keepdims=True)


class LossSettings(Protocol):
    """The settings of a run that the losses read: those of ``train.config.RunConfig``."""

    @property
    def losses(self) -> Sequence[tuple[str, float]]:
        """The names of the losses and their weights."""

    @property
    def temperature(self) -> float:
        """What scores are divided by before a softmax."""

    @property
    def margin(self) -> float:
        """How far apart the scores of neighbouring grades should be."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a loss needs of the training pairs to learn anything.

    Args:
        lack: returns what the pairs lack, as a clause; empty: they will do.
        todo: what to do about it.
    """

    lack: Callable[[Sequence[TrainingPair]], str]
    todo: str


def _lacks_grades(pairs: Sequence[TrainingPair]) -> str:
    alike = len({pair.grade for pair in pairs}) == 1
    return f"all pairs have the grade {pairs[0].grade:g}" if alike else ""


def _lacks_comparisons(pairs: Sequence[TrainingPair]) -> str:
    grades: dict[int, set[float]] = {}
    for pair in pairs:
        grades.setdefault(pair.query, set()).add(pair.grade)
    several = any(len(own) > 1 for own in grades.values())
    return "" if several else "no query has two documents of different grades"


def _lacks_good_pairs(pairs: Sequence[TrainingPair]) -> str:
    good = any(is_good(pair.grade) for pair in pairs)
    return "" if good else f"no pair has a grade of {GOOD_GRADE} or more"


TWO_GRADES: Final = Need(
    _lacks_grades, "Label pairs of other grades too, or choose the loss contrastive."
)
COMPARISONS: Final = Need(
    _lacks_comparisons, "Label several documents of the same queries, or choose another loss."
)
GOOD_PAIRS: Final = Need(_lacks_good_pairs, "Label good pairs too, or add keyword pairs.")


@dataclass(frozen=True, slots=True)
class Loss:
    """A loss.

    Args:
        description: what it wants of the scores, in a few words.
        function: scores, grades, settings and its own weights -> the loss; see above.
        needs: what the training pairs have to hold.
        head: makes the initial values of its own weights, which are learned with the encoder.
    """

    description: str
    function: Callable[[mx.array, GradedBatch, LossSettings, Head], mx.array]
    needs: Need
    head: Callable[[], dict[str, mx.array]] = dict


LOSSES: Final[dict[str, Loss]] = {
    "mse": Loss("predict the grade, by squared error", mse, TWO_GRADES, _mse_head),
    "ordinal": Loss("predict the grade, by learned thresholds", ordinal, TWO_GRADES, _ordinal_head),
    "margin": Loss("put better documents ahead by a margin per grade", margin, COMPARISONS),
    "kl": Loss("spread a query's scores as its grades are spread", kl, COMPARISONS),
    "contrastive": Loss("put good documents above the rest of the batch", contrastive, GOOD_PAIRS),
}


def first_heads(config: LossSettings) -> Heads:
    """Return the initial values of the weights that a run's losses learn for themselves."""
    heads = {name: LOSSES[name].head() for name, _ in config.losses}
    return {name: head for name, head in heads.items() if head}


def weighted_sum(
    config: LossSettings, scores: mx.array, graded: GradedBatch, heads: Heads
) -> tuple[mx.array, dict[str, mx.array]]:
    """Return the sum of the run's losses with their weights, and each of them without."""
    parts = {
        name: LOSSES[name].function(scores, graded, config, heads.get(name, {}))
        for name, _ in config.losses
    }
    first, *others = (weight * parts[name] for name, weight in config.losses)
    return sum(others, start=first), parts
