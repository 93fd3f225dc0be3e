"""When to stop labelling: how many more labels make the kappa's interval narrow enough."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from labels.agreement.records import StopAdvice

if TYPE_CHECKING:
    from labels.agreement.records import Estimate

TARGET: Final = 0.05
#: Numbers above are rounded to two digits: a guess should not look exact.
_EXACT_UP_TO: Final = 20


def stop_advice(kappa: Estimate, labels: int, pairs: int, target: float = TARGET) -> StopAdvice:
    """Return how many more labels until the interval of kappa is +-``target``.

    An interval narrows with the root of the number of labels, so n labels with half a width of h
    must become n * (h / target) ** 2.

    Args:
        kappa: as it stands.
        labels: how many it was computed from.
        pairs: how many the judge scored: there cannot be more to label.
        target: half the width that is wanted.
    """
    if kappa.low is None or kappa.high is None:
        reason = kappa.reason or "there is no interval yet"
        return StopAdvice(
            None, target, f"How many more labels are needed cannot be told: {reason}."
        )
    half = (kappa.high - kappa.low) / 2
    if half <= target:
        return StopAdvice(
            0, target, f"Kappa is known to +-{half:.2f}; more labels would hardly change it."
        )
    more = _rounded(math.ceil(labels * (half / target) ** 2) - labels)
    if labels + more > pairs:
        return StopAdvice(
            more,
            target,
            f"Kappa to +-{target:g} would take about {more:,} more labels,"
            f" more than the {pairs:,} pairs judged; now it is +-{half:.2f}.",
        )
    return StopAdvice(
        more, target, f"About {more:,} more labels for +-{target:g} on kappa (now +-{half:.2f})."
    )


def _rounded(number: int) -> int:
    if number <= _EXACT_UP_TO:
        return max(1, number)
    unit = int(10 ** (len(str(number)) - 2))
    return math.ceil(number / unit) * unit
