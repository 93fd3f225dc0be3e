"""A curve with a title, drawn anew only when its numbers or its place change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.strip import Strip
from textual.visual import Visual
from textual.widget import Widget

from tui.curve_text import curve_lines
from tui.words import DIM

if TYPE_CHECKING:
    from tui.curve_text import Points

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
