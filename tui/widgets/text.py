"""Text in a fixed space: a line in two parts, and a pane. Showing another text costs no layout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.content import Content
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.visual import Visual
from textual.widget import Widget

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.selection import Selection


_GAP: Final = 2


class SplitLine(Widget, can_focus=False):
    """One row of text: the left part is shortened, the right part stays."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id)
        self._left = Content()
        self._right = Content()

    def show(self, left: Content, right: Content | None = None) -> None:
        """Show two parts; the right one is left out where there is no room for it."""
        self._left = left
        self._right = right if right is not None else Content()
        self.refresh()

    def render(self) -> Content:
        """Return the row, as wide as the widget."""
        width = self.content_size.width
        right_width = self._right.cell_length
        room = width - right_width - (_GAP if right_width else 0)
        if room < min(width // 3, self._left.cell_length):
            return self._left.truncate(max(1, width), ellipsis=True)
        left = self._left.truncate(max(1, room), ellipsis=True)
        return left + Content(" " * (width - left.cell_length - right_width)) + self._right


class Pane(Widget, can_focus=False):
    """Shows as much of a text as fits, wrapped; the last row says when there is more."""

    def __init__(self, *, id: str, more: str = "…") -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id)
        self._made: Callable[[int], Content] = lambda _: Content()
        self._more = Content.assemble((f" {more}", "bold $text-accent"))
        self._content = Content()
        self._strips: list[Strip] = []
        self._laid_out_for = Size(0, 0)

    def show(self, made: Callable[[int], Content]) -> None:
        """Show another text; ``made`` returns it for the width of a line."""
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
        """Wrap the text, and mark it in its last row where it is cut."""
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
