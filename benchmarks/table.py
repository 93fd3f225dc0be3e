"""The figures as a table or as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.measuring import Figure

_HEADS = ("what", "ours", "reference", "ratio", "target", "met", "against")
_NUMBERS = range(1, 4)


def table_text(figures: Sequence[Figure]) -> str:
    """Return the figures in aligned columns."""
    rows = [_HEADS, *(_row(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    lines = [
        "  ".join(
            cell.rjust(width) if column in _NUMBERS else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def json_text(figures: Sequence[Figure]) -> str:
    """Return the figures as one JSON document, with the value of every repeat."""
    return json.dumps(
        [
            {
                "name": figure.name,
                "unit": figure.unit,
                "ours": figure.our_median,
                "reference": figure.reference_median,
                "ratio": figure.ratio,
                "target": figure.target,
                "met": figure.met,
                "against": figure.against,
                "our_values": figure.ours,
                "reference_values": figure.reference,
            }
            for figure in figures
        ],
        indent=2,
    )


def _row(figure: Figure) -> tuple[str, ...]:
    return (
        figure.name,
        _value(figure.our_median, figure.unit),
        _value(figure.reference_median, figure.unit),
        f"{figure.ratio:.2f}",
        figure.target,
        "yes" if figure.met else "NO",
        figure.against,
    )


def _value(value: float, unit: str) -> str:
    digits = 0 if value >= 1000 else 1 if value >= 100 else 2
    return f"{value:,.{digits}f} {unit}"
