"""Curves drawn with Braille dots, and the widget that shows one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from textual.content import Content
from textual.strip import Strip
from textual.visual import Visual
from textual.widget import Widget

from tui.words import DIM

if TYPE_CHECKING:
    from collections.abc import Sequence

    Points = Sequence[tuple[int, float]]

#: The bit of each dot of a Braille cell, by column and row.
_DOTS: Final = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_BRAILLE: Final = 0x2800
_LABEL: Final = 7


def curve_lines(
    points: Points, width: int, height: int, *, bounds: tuple[float, float] | None = None
) -> list[str]:
    """Return a curve with its axes, as lines of at most ``width`` characters.

    Args:
        points: (step, value), steps ascending; values that are no finite number are passed over.
        width: columns, axis and all.
        height: rows, the last of which names the first and the last step.
        bounds: the lowest and the highest value of the axis; None: those of the points.
    """
    finite = [(step, value) for step, value in points if math.isfinite(value)]
    inner, rows = width - _LABEL - 1, height - 1
    if not finite or inner < 2 or rows < 1:  # noqa: PLR2004 - a curve has two ends
        return []
    low, high = bounds or value_bounds(finite)
    drawn = curve_rows(finite, inner, rows, low=low, high=high)
    labels = {0: _number(high), rows - 1: _number(low)}
    if rows >= 5:  # noqa: PLR2004 - else the labels crowd
        labels[(rows - 1) // 2] = _number(high - (high - low) * ((rows - 1) // 2 + 0.5) / rows)
    lines = [f"{labels.get(row, ''):>{_LABEL - 1}} │{text}" for row, text in enumerate(drawn)]
    first, last = f"{finite[0][0]:,}", f"step {finite[-1][0]:,}"
    gap = max(1, inner - len(first) - len(last))
    lines.append(" " * (_LABEL + 1) + (first + " " * gap + last)[:inner])
    return lines


def value_bounds(points: Points) -> tuple[float, float]:
    """Return the lowest and the highest value; of one value alone, a little around it."""
    values = [value for _, value in points if math.isfinite(value)]
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    if low == high:
        room = abs(low) / 10 or 0.5
        return low - room, high + room
    return low, high


def curve_rows(points: Points, width: int, height: int, *, low: float, high: float) -> list[str]:
    """Return the curve alone: ``height`` rows of ``width`` Braille cells.

    Points that share a column of dots are drawn as their mean; columns in between are joined by
    a straight line. Values outside the bounds are drawn at the edge.
    """
    across, up = 2 * width - 1, 4 * height - 1
    first, last = points[0][0], points[-1][0]
    columns: dict[int, list[float]] = {}
    for step, value in points:
        column = round((step - first) / (last - first) * across) if last > first else 0
        columns.setdefault(column, []).append(value)
    span = high - low
    places = [
        (
            column,
            round((high - min(high, max(low, sum(values) / len(values)))) / span * up)
            if span
            else up,
        )
        for column, values in sorted(columns.items())
    ]
    cells = [[0] * width for _ in range(height)]
    for (left, top), (right, bottom) in zip(places, places[1:] or places, strict=False):
        for column, row in _line(left, top, right, bottom):
            cells[row // 4][column // 2] |= _DOTS[column % 2][row % 4]
    return ["".join(chr(_BRAILLE + cell) if cell else " " for cell in row) for row in cells]


def _line(left: int, top: int, right: int, bottom: int) -> list[tuple[int, int]]:
    """Return the dots of a straight line, both ends with it."""
    length = max(right - left, abs(bottom - top), 1)
    return [
        (
            left + round((right - left) * place / length),
            top + round((bottom - top) * place / length),
        )
        for place in range(length + 1)
    ]


def _number(value: float) -> str:
    """Return a number that fits the axis."""
    texts = (f"{value:.3g}", f"{value:.0f}", f"{value:.0e}")
    return next((text for text in texts if len(text) < _LABEL), texts[-1][: _LABEL - 1])


_LEAST_HEIGHT = 3


class Chart(Widget, can_focus=False):
    """Shows (step, value) points under a title."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id)
        self._title = Content()
        self._points: Points = ()
        self._bounds: tuple[float, float] | None = None
        self._drawn: list[Strip] = []
        self._drawn_for: object = None

    def show(
        self, title: Content, points: Points, bounds: tuple[float, float] | None = None
    ) -> None:
        """Swap in another curve; ``bounds`` are the ends of its axis, None: its own."""
        if (title, points, bounds) == (self._title, self._points, self._bounds):
            return
        self._title, self._points, self._bounds = title, points, bounds
        self._drawn_for = None
        self.refresh()

    def notify_style_update(self) -> None:
        """Draw again when the theme changes."""
        super().notify_style_update()
        self._drawn_for = None

    def render_line(self, y: int) -> Strip:
        """Return one row."""
        size = self.content_size
        if self._drawn_for != size:
            self._drawn_for = size
            self._drawn = self._draw(size.width, size.height) if size else []
        if y < len(self._drawn):
            return self._drawn[y].adjust_cell_length(size.width, self.rich_style)
        return Strip.blank(size.width, self.rich_style)

    def _draw(self, width: int, height: int) -> list[Strip]:
        lines = [self._title]
        if height >= _LEAST_HEIGHT:
            drawn = curve_lines(self._points, width, height - 1, bounds=self._bounds)
            lines += [self._styled(line, last=line is drawn[-1]) for line in drawn]
        content = Content("\n").join(lines)
        return Visual.to_strips(self, content, width, None, self.visual_style)

    @staticmethod
    def _styled(line: str, *, last: bool) -> Content:
        if last:
            return Content.assemble((line, DIM))
        axis, _, curve = line.partition("│")
        return Content.assemble((axis + "│", DIM), (curve, "$text-accent"))
