"""What a run is to do: everything that decides its outcome but the training set itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class LossName(StrEnum):
    """The losses; ``train.losses`` documents each."""

    MSE = "mse"
    ORDINAL = "ordinal"
    MARGIN = "margin"
    KL = "kl"
    CONTRASTIVE = "contrastive"


class Tuning(StrEnum):
    """Which weights are learned: low-rank additions to some, or all."""

    LORA = "lora"
    FULL = "full"


class Precision(StrEnum):
    """The type that activations are computed in; the weights learned are always float32."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


@dataclass(frozen=True, slots=True)
class LoraConfig:
    """Low-rank adaptation (Hu et al. 2021, arXiv:2106.09685): W + alpha / rank * B A.

    ``modules`` are last parts of parameter names, such as ``query`` and ``value``, or ``q`` and
    ``v`` in T5; ``auto`` stands for the query and value projections of whatever family it is.
    """

    rank: int = 16
    alpha: float = 32.0
    dropout: float = 0.0
    modules: tuple[str, ...] = ("auto",)


@dataclass(frozen=True, slots=True)
class RunConfig:
    """One run.

    Args:
        base: the encoder it starts from: a folder, a hub id, or ``offline``.
        losses: (name, weight) of each loss in the sum, weights above 0.
        temperature: divides scores in ``kl`` and ``contrastive``.
        margin: score difference that one grade of difference should make, for ``margin``.
        epochs: passes over the training pairs.
        batch_size: pairs in one forward pass.
        pairs_per_query: the most pairs of a query in one epoch, drawn anew in each, one of the best
            grades always among them; 0: all.
        group_size: the most pairs that a query brings into one batch; more grades to compare for
            ``margin`` and ``kl``, or more queries and so more negatives for ``contrastive``.
        extra_documents: documents of the set, drawn for each batch, that join it as negatives of
            all its queries, for ``contrastive``.
        accumulation: forward passes whose gradients are averaged into one step.
        learning_rate: at its highest.
        warmup: share of the steps in which the rate rises from 0; it then falls as a cosine.
        weight_decay: of AdamW.
        clip_norm: the longest gradient; 0: not clipped.
        tuning: which weights are learned.
        lora: how, when it is LoRA.
        precision: of the activations.
        query_length: tokens kept of a query; None: as the base says.
        document_length: tokens kept of a document; None: as the base says.
        bucketing: whether documents of like length share a batch.
        evaluate_every: steps between looks at the held-out queries; 0: once each epoch.
        patience: looks without a better nDCG after which the run ends; 0: it never ends early.
        checkpoint_every: steps between checkpoints; 0: with each look.
        checkpoints_kept: the latest ones kept, beside the best.
        seed: of everything random.
        specs: names of the specs to evaluate on, before and after.
    """

    base: str
    losses: tuple[tuple[LossName, float], ...] = ((LossName.CONTRASTIVE, 1.0),)
    temperature: float = 0.05
    margin: float = 0.1
    epochs: float = 3.0
    batch_size: int = 16
    pairs_per_query: int = 0
    group_size: int = 4
    extra_documents: int = 0
    accumulation: int = 1
    learning_rate: float = 2e-5
    warmup: float = 0.1
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    tuning: Tuning = Tuning.FULL
    lora: LoraConfig = field(default_factory=LoraConfig)
    precision: Precision = Precision.FLOAT32
    query_length: int | None = None
    document_length: int | None = None
    bucketing: bool = True
    evaluate_every: int = 0
    patience: int = 0
    checkpoint_every: int = 0
    checkpoints_kept: int = 2
    seed: int = 0
    specs: tuple[str, ...] = ()
