"""Figures drawn with signs: intervals, a heat map, a reliability curve. None needs colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.content import Content

from tui.words import DIM, GRADE_NUMBERS, STRONG

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labels.agreement.records import Estimate, ReliabilityPoint
    from tui.words import Part

_SHADES: Final = " ░▒▓█"
SHADES_TOLD: Final = "shade: share of the row, ░ to 25% ▒ to 50% ▓ to 75% █ above"
_STEP: Final = 7
_AXIS: Final = (len(GRADE_NUMBERS) - 1) * _STEP + 1
_COLUMN: Final = 7


def figure_text(one: Estimate, digits: int = 2, sign: str = "") -> str:
    """Return a figure with its interval, or why there is none."""
    if one.value is None:
        return one.reason or "not known"
    value = f"{one.value:{sign}.{digits}f}"
    if one.low is None or one.high is None:
        return f"{value} (no interval: {one.reason})" if one.reason else value
    return f"{value} [{one.low:{sign}.{digits}f}, {one.high:{sign}.{digits}f}]"


def span(one: Estimate, low: float, high: float, width: int) -> str:
    """Return an interval drawn on a line from ``low`` to ``high``: ``··├──●──┤···``."""
    line = ["·"] * width
    if one.value is None:
        return " " * width

    def place(value: float) -> int:
        share = (min(high, max(low, value)) - low) / (high - low)
        return round(share * (width - 1))

    if one.low is not None and one.high is not None:
        first, last = place(one.low), place(one.high)
        line[first : last + 1] = ["─"] * (last - first + 1)
        line[first], line[last] = "├", "┤"
    line[place(one.value)] = "●"
    return "".join(line)


def heat_map(confusion: Sequence[Sequence[int]]) -> Content:
    """Return the table of the judge's scores by people's grades, shaded by the share of its row."""
    head = "".join(f"{grade:>{_COLUMN - 2}}  " for grade in GRADE_NUMBERS)
    parts: list[Part] = [(f"judge ╲ people{head}", DIM), "\n"]
    for score, row in zip(GRADE_NUMBERS, confusion, strict=True):
        total = sum(row)
        parts.append((f"{score:>9}     ", STRONG))
        for grade, count in zip(GRADE_NUMBERS, row, strict=True):
            shade = _shade(count / total if total else 0.0) * 2
            style = "bold $text-success" if grade == score else "$foreground"
            parts.append((f"{count:>{_COLUMN - 2},}{shade}", style if count else DIM))
        parts.append((f"  {total:,}\n" if total else "  none\n", DIM))
    parts.append((SHADES_TOLD, DIM))
    return Content.assemble(*parts)


def _shade(share: float) -> str:
    if not share:
        return _SHADES[0]
    return _SHADES[min(len(_SHADES) - 1, 1 + int(share * 4 - 1e-9))]


def reliability_curve(points: Sequence[ReliabilityPoint]) -> Content:
    """Return people's mean grade for each score, on a line of grades where ``◇`` is the score."""
    axis = "".join(f"{grade:<{_STEP}}" for grade in GRADE_NUMBERS)
    parts: list[Part] = [(f"judge  people {axis}\n", DIM)]
    for point in points:
        drawn = list(span(point.mean_grade, 1.0, 5.0, _AXIS))
        place = (point.score - 1) * _STEP
        if drawn[place] in "·─ ":
            drawn[place] = "◇"
        told = figure_text(point.mean_grade)
        parts += [
            (f"{point.score:>4}          ", STRONG),
            ("".join(drawn), "$text-accent"),
            (f"  {told}", "" if point.mean_grade.known else DIM),
            (f"  n {point.labels:,}\n" if point.labels else "\n", DIM),
        ]
    parts.append(("● people's mean with its interval, ◇ the judge's score", DIM))
    return Content.assemble(*parts)
