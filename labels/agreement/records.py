"""What is said of judges and annotators. No figure without its interval, or the reason why not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from core.records import Estimate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.records import Judge


#: Grades of two people this far apart are told of.
OPPOSITE: Final = 3


@dataclass(frozen=True, slots=True)
class ReliabilityPoint:
    """What people gave the pairs that a judge scored ``score``: their mean grade."""

    score: int
    labels: int
    mean_grade: Estimate


@dataclass(frozen=True, slots=True)
class PoweredEstimate:
    """A corpus figure by PPI++ beside the one from labels alone.

    ``power`` is the tuned lambda in [0, 1]: 0 when the judge does not help.
    """

    powered: Estimate
    labels_only: Estimate
    power: float | None = None


@dataclass(frozen=True, slots=True)
class CorpusFigures:
    """Figures of all pairs that a judge scored, ``pairs`` of them.

    ``precision_good`` is the share of pairs with a grade of 4 or more among those that the judge
    scored 4 or more.
    """

    pairs: int
    mean_grade: PoweredEstimate
    share_good: PoweredEstimate
    precision_good: PoweredEstimate


@dataclass(frozen=True, slots=True)
class Anchoring:
    """Agreement with the judge's score in sight minus agreement blind.

    ``exact`` is the difference of the shares of equal grades, ``distance`` that of the mean
    distances (negative: closer when the score is seen).
    """

    shown: int
    blind: int
    exact: Estimate
    distance: Estimate


@dataclass(frozen=True, slots=True)
class StopAdvice:
    """How many more labels until the kappa's interval is +-``target``; None: cannot be told."""

    more_labels: int | None
    target: float
    sentence: str


@dataclass(frozen=True, slots=True)
class CalibrationEffect:
    """A judge before and after calibration, on labels held out: RPS and mean absolute error.

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
    """One judge against people.

    ``labels`` grades of ``pairs`` pairs under ``queries`` queries were compared; ``seen`` of them
    were given beside this judge's own ruling. ``effective`` is the number of labels that evenly
    weighted ones would need to tell as much (Kish). ``figures`` maps ``qwk``, ``alpha``,
    ``spearman``, ``exact``, ``within_one``, ``bias`` (judge minus person) and ``mae`` to
    estimates. ``confusion`` counts labels, one row for each score, one column for each grade;
    ``confusion_shares`` are the weighted shares of each row.
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
    """Two annotators on the pairs that both graded, or one with themself (the same name twice)."""

    first: str
    second: str
    pairs: int
    queries: int
    figures: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class AgreementReport:
    """All of it. ``alpha`` is Krippendorff's ordinal alpha over all annotators together."""

    judges: tuple[JudgeAgreement, ...] = ()
    annotators: tuple[AnnotatorAgreement, ...] = ()
    themselves: tuple[AnnotatorAgreement, ...] = ()
    alpha: Estimate = field(default_factory=Estimate)
    notices: tuple[str, ...] = ()
