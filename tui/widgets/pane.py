"""Text in a fixed space: wrapped, and honest about what does not fit."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget


class Pane(Widget, can_focus=False):
    """Shows as much of a text as fits. Showing another costs no layout."""

    def __init__(self, *, id: str, more: str = "…") -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id)
        self._content = Content()
        self._more = Content.assemble((f" {more}", "bold $text-accent"))

    def show(self, content: Content) -> None:
        """Swap in another text."""
        self._content = content
        self.refresh()

    def render(self) -> Content:
        """Return the text; what ends before its end says so."""
        width, height = self.content_size
        if width < 1 or height < 1:
            return Content()
        lines = self._content.wrap(width)
        if len(lines) <= height:
            return self._content
        kept = lines[:height]
        room = max(1, width - self._more.cell_length)
        kept[-1] = kept[-1].rstrip().truncate(room) + self._more
        return Content("\n").join(kept)
