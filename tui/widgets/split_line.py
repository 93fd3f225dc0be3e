"""One line with a left part that gives way and a right part that stays."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

_GAP = 2


class SplitLine(Widget, can_focus=False):
    """One row of text; showing another costs no layout."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id)
        self._left = Content()
        self._right = Content()

    def show(self, left: Content, right: Content | None = None) -> None:
        """Show two parts; the right one is dropped where there is no room for it."""
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
