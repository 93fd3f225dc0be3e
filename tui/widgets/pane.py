"""Text in a fixed space: wrapped, and honest about what does not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widget import Widget

if TYPE_CHECKING:
    from collections.abc import Callable


class Pane(Widget, can_focus=False):
    """Shows as much of a text as fits. Showing another costs no layout."""

    def __init__(self, *, id: str, more: str = "…") -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id)
        self._made: Callable[[int], Content] = lambda _: Content()
        self._more = Content.assemble((f" {more}", "bold $text-accent"))

    def show(self, made: Callable[[int], Content]) -> None:
        """Swap in another text, made for the width of a line each time it is laid out."""
        self._made = made
        self.refresh()

    def render(self) -> Content:
        """Return the text; what ends before its end says so."""
        width, height = self.content_size
        if width < 1 or height < 1:
            return Content()
        content = self._made(width)
        if _surely_fits(content.plain, width, height):
            return content
        lines = content.wrap(width)
        if len(lines) <= height:
            return content
        kept = lines[:height]
        room = max(1, width - self._more.cell_length)
        kept[-1] = kept[-1].rstrip().truncate(room) + self._more
        return Content("\n").join(kept)


def _surely_fits(text: str, width: int, height: int) -> bool:
    """Return whether wrapping words, which wastes less than half of a line, stays in ``height``."""
    return sum(1 + 2 * len(line) // width for line in text.split("\n")) <= height
