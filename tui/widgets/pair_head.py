"""The query and the place of the code, in a fixed number of rows."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget


class PairHead(Widget, can_focus=False):
    """Shows the query on all rows but one and the place on the row after it."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id)
        self._query = Content()
        self._place = Content()

    def show(self, query: Content, place: Content) -> None:
        """Swap in another pair."""
        self._query = query
        self._place = place
        self.refresh()

    def render(self) -> Content:
        """Return the rows; a query that is too long ends in an ellipsis."""
        width, height = self.content_size
        if width < 1 or height < 1:
            return Content()
        lines = self._query.wrap(width)
        room = max(1, height - 1)
        if len(lines) > room:
            lines = lines[:room]
            lines[-1] = lines[-1].rstrip().truncate(max(1, width - 1)) + Content("…")
        place = self._place.truncate(width, ellipsis=True)
        return Content("\n").join([*lines, place][:height])
