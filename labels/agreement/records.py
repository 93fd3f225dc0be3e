"""Records of agreement. Every figure has an interval, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from core.records import Estimate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.records import Judge


#: Two people's grades this far apart are reported.
OPPOSITE: Final = 3


@dataclass(frozen=True, slots=True)
class ReliabilityPoint:
    """The mean grade that people gave the pairs with the judge's score ``score``."""

    score: int
    labels: int
    mean_grade: Estimate


@dataclass(frozen=True, slots=True)
class PoweredEstimate:
    """A figure by PPI++, and from labels alone.

    ``power`` is the tuned lambda in [0, 1], 0 if the judge does not help.
    """

    powered: Estimate
    labels_only: Estimate
    power: float | None = None


@dataclass(frozen=True, slots=True)
class CorpusFigures:
    """Figures of all ``pairs`` pairs that a judge scored.

    ``precision_good`` is the share with a grade of 4 or more among pairs scored 4 or more.
    """

    pairs: int
    mean_grade: PoweredEstimate
    share_good: PoweredEstimate
    precision_good: PoweredEstimate


@dataclass(frozen=True, slots=True)
class Anchoring:
    """Agreement with the judge's score shown minus agreement blind.

    ``exact`` is the difference of the shares of equal grades, ``distance`` that of the mean
    distances (negative: closer when the score is shown). ``shown`` and ``blind`` count labels.
    """

    shown: int
    blind: int
    exact: Estimate
    distance: Estimate


@dataclass(frozen=True, slots=True)
class StopAdvice:
    """How many more labels narrow kappa's interval to +-``target``; None if unknown."""

    more_labels: int | None
    target: float
    sentence: str


@dataclass(frozen=True, slots=True)
class CalibrationEffect:
    """A judge before and after calibration, on held-out labels: RPS and mean absolute error.

    ``intervals``: as those of ``JudgeEffect``.
    """

    method: str
    rps_raw: float
    rps_calibrated: float
    mae_raw: float
    mae_calibrated: float
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JudgeAgreement:
    """A judge against people.

    Attributes:
        judge: the judge.
        labels: grades compared, of ``pairs`` pairs under ``queries`` queries.
        pairs: see ``labels``.
        queries: see ``labels``.
        seen: labels given with this judge's own ruling at hand.
        effective: effective sample size of the weighted labels (Kish).
        figures: estimates of ``qwk``, ``alpha``, ``spearman``, ``exact``, ``within_one``, ``bias``
            (judge minus person) and ``mae``.
        confusion: counts of labels, a row for every score, a column for every grade.
        confusion_shares: weighted shares of every row.
        reliability: mean grade by score.
        anchoring: whether the score influences people.
        advice: how many more labels are worth it.
        corpus: figures of all pairs that the judge scored; None without labels.
        calibration: what the newest calibration changed; None if it does not cover the judge.
    """

    judge: Judge
    labels: int
    pairs: int
    queries: int
    seen: int
    effective: float
    figures: Mapping[str, Estimate]
    confusion: tuple[tuple[int, ...], ...]
    confusion_shares: tuple[tuple[Estimate, ...], ...]
    reliability: tuple[ReliabilityPoint, ...]
    anchoring: Anchoring
    advice: StopAdvice
    corpus: CorpusFigures | None = None
    calibration: CalibrationEffect | None = None


@dataclass(frozen=True, slots=True)
class AnnotatorAgreement:
    """Two annotators on pairs that both graded, or an annotator twice (the same name twice)."""

    first: str
    second: str
    pairs: int
    queries: int
    figures: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class AgreementReport:
    """Agreement in a workspace; ``alpha`` is Krippendorff's ordinal alpha over all annotators."""

    judges: tuple[JudgeAgreement, ...] = ()
    annotators: tuple[AnnotatorAgreement, ...] = ()
    themselves: tuple[AnnotatorAgreement, ...] = ()
    alpha: Estimate = field(default_factory=Estimate)
    notices: tuple[str, ...] = ()
