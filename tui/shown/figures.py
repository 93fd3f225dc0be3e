"""Figures with their intervals, shares and tables, as JSON and as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.text import displayable_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from core.records import Estimate


def figure_document(figure: Estimate) -> dict[str, float | None]:
    """Return a figure with the ends of its interval."""
    return {"value": figure.value, "low": figure.low, "high": figure.high}


def figures_document(figures: Mapping[str, Estimate]) -> dict[str, dict[str, float | None]]:
    """Return each metric with the ends of its interval."""
    return {metric: figure_document(figure) for metric, figure in figures.items()}


def estimate_document(estimate: Estimate) -> dict[str, object]:
    """Return a figure with the ends of its interval, and why it has none."""
    document: dict[str, object] = {**figure_document(estimate)}
    return document | {"reason": estimate.reason} if estimate.reason else document


def estimate_text(estimate: Estimate, *, signed: bool = False) -> str:
    """Return a figure as ``0.700 [0.400, 0.900]``, or why it has no interval."""
    form = "+.3f" if signed else ".3f"
    if estimate.value is None:
        return f"- {estimate.reason}".rstrip()
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:{form}} (no interval: {estimate.reason})"
    return f"{estimate.value:{form}} [{estimate.low:{form}}, {estimate.high:{form}}]"


def percent(part: int, whole: int) -> str:
    """Return a share for a person: ``-`` when there is nothing to share."""
    return f"{100 * part / whole:.0f}% ({part:,} of {whole:,})" if whole else "-"


def table(rows: Iterable[tuple[str, object]]) -> list[str]:
    """Return the rows as lines with the first column padded; safe for the terminal."""
    shown = [(name, displayable_line(str(value))) for name, value in rows]
    width = max((len(name) for name, _ in shown), default=0)
    return [f"{name:<{width}}  {value}" for name, value in shown]
