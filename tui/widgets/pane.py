"""Text in a fixed space: wrapped, and honest about what does not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.visual import Visual
from textual.widget import Widget

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.selection import Selection


class Pane(Widget, can_focus=False):
    """Shows as much of a text as fits. Another text is painted where it differs, without layout."""

    def __init__(self, *, id: str, more: str = "…") -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id)
        self._made: Callable[[int], Content] = lambda _: Content()
        self._more = Content.assemble((f" {more}", "bold $text-accent"))
        self._content = Content()
        self._strips: list[Strip] = []
        self._laid_out_for = Size(0, 0)

    def show(self, made: Callable[[int], Content]) -> None:
        """Swap in another text; ``made`` gives it for the width of a line."""
        self._made = made
        rows_before = len(self._strips)
        if not self.is_attached or not self.content_size:
            self._laid_out_for = Size(0, 0)
            self.refresh()
            return
        self._lay_out()
        rows = max(rows_before, len(self._strips))
        self.refresh(Region(0, 0, self.content_size.width, rows))

    def render_line(self, y: int) -> Strip:
        """Return one row of the text."""
        if self._laid_out_for != self.content_size:
            self._lay_out()
        width = self.content_size.width
        if y < len(self._strips):
            return self._strips[y].adjust_cell_length(width, self.rich_style)
        return Strip.blank(width, self.rich_style)

    def notify_style_update(self) -> None:
        """Wrap again when the theme changes."""
        super().notify_style_update()
        self._laid_out_for = Size(0, 0)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return the selected text, for copying."""
        return selection.extract(self._content.plain), "\n"

    def selection_updated(self, selection: Selection | None) -> None:  # noqa: ARG002
        """Paint again when the selection changes."""
        self._laid_out_for = Size(0, 0)
        self.refresh()

    def _lay_out(self) -> None:
        """Wrap the text; what ends before its end says so in its last row."""
        size = self._laid_out_for = self.content_size
        width, height = size
        if not size:
            self._strips = []
            return
        self._content = self._made(width)
        self._strips = self._wrapped(self._content, width)
        if len(self._strips) > height:
            lines = self._content.wrap(width)[:height]
            room = max(1, width - self._more.cell_length)
            lines[-1] = lines[-1].rstrip().truncate(room) + self._more
            self._content = Content("\n").join(lines)
            self._strips = self._wrapped(self._content, width)[:height]

    def _wrapped(self, content: Content, width: int) -> list[Strip]:
        return Visual.to_strips(self, content, width, None, self.visual_style)
