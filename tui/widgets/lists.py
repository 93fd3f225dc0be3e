"""A long list with a cursor that paints only the rows in sight."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar, Final

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual import events


class CellKind(IntEnum):
    """How a piece of a row looks; colour is never its only sign."""

    PLAIN = 0
    DIM = 1
    STRONG = 2
    ACCENT = 3
    GOOD = 4
    BAD = 5


#: A piece of a row, safe to show, and its kind.
Cell = tuple[str, CellKind]
_MARK: Final = "▌"


class RowList(ScrollView, can_focus=False):
    """Rows with a cursor. Showing others costs no layout; a click moves the cursor."""

    DEFAULT_CSS = """
    RowList {
        scrollbar-size: 0 0;
        overflow: scroll scroll;
        & > .row--dim { color: $foreground 60%; }
        & > .row--strong { text-style: bold; }
        & > .row--accent { color: $text-accent; text-style: bold; }
        & > .row--good { color: $text-success; }
        & > .row--bad { color: $text-error; }
        & > .row--cursor { background: $surface-lighten-2; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "row--cursor",
        *(f"row--{kind.name.lower()}" for kind in CellKind if kind is not CellKind.PLAIN),
    }

    class Chosen(Message):
        """A row was clicked; the cursor is on it."""

        def __init__(self, rows: RowList) -> None:
            super().__init__()
            self.rows = rows

    def __init__(
        self,
        paint: Callable[[int, int, int], Sequence[Cell]],
        *,
        lines: int = 1,
        id: str,  # noqa: A002 - Textual's own word
    ) -> None:
        super().__init__(id=id)
        self._paint = paint
        self._lines = lines
        self._active = True
        self._styles: list[Style] = []
        self.count = 0
        self.cursor = 0

    def show(self, count: int, cursor: int = 0) -> None:
        """Show other rows, with the cursor on one of them."""
        self.count = count
        # Set without its watcher: the screen need not be laid out for other rows.
        self.set_reactive(Widget.virtual_size, Size(1, count * self._lines))
        self.put(cursor)

    def put(self, cursor: int) -> None:
        """Move the cursor to a row, and the row into sight."""
        self.cursor = max(0, min(cursor, self.count - 1))
        top, height = self.scroll_offset.y, max(1, self.size.height)
        first, end = self.cursor * self._lines, (self.cursor + 1) * self._lines
        wanted = min(first, max(top, end - height))
        wanted = max(0, min(wanted, self.count * self._lines - height))
        if wanted != top:
            self.scroll_to(0, wanted, animate=False, immediate=True)
        self.refresh()

    def move(self, move: str) -> None:
        """Move the cursor: ``down``, ``up``, ``page_down``, ``page_up``, ``top``, ``bottom``."""
        page = max(1, self.size.height // self._lines - 1)
        steps = {"down": 1, "up": -1, "page_down": page, "page_up": -page}
        ends = {"top": 0, "bottom": self.count - 1}
        self.put(ends[move] if move in ends else self.cursor + steps.get(move, 0))

    def activate(self, active: bool) -> None:
        """Show whether the keys move this cursor."""
        self._active = active
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Move the cursor to the clicked row."""
        index = (event.y + self.scroll_offset.y) // self._lines
        if index < self.count:
            self.put(index)
            self.post_message(self.Chosen(self))

    def on_resize(self) -> None:
        """Keep the cursor in sight."""
        self.put(self.cursor)

    def notify_style_update(self) -> None:
        """Forget the colours when the theme changes."""
        super().notify_style_update()
        self._styles = []

    def render_line(self, y: int) -> Strip:
        """Return line ``y`` of the widget."""
        if not self._styles:
            self._resolve_styles()
        width = self.size.width
        index, line = divmod(y + self.scroll_offset.y, self._lines)
        base = self._styles[CellKind.PLAIN]
        if index >= self.count or width < 2:  # noqa: PLR2004 - a mark and a cell
            return Strip.blank(width, base)
        here = index == self.cursor
        mark = (_MARK if self._active else "│") if here else " "
        cells = self._paint(index, line, width - 2)
        strip = Strip(
            [
                Segment(mark, self._styles[CellKind.ACCENT]),
                *(Segment(text, self._styles[kind]) for text, kind in cells),
            ]
        ).adjust_cell_length(width - 1, base)
        thumb = Segment("▐" if self._thumb_covers(y) else " ", self._styles[CellKind.DIM])
        strip = Strip([*strip, thumb], width)
        if not (here and self._active):
            return strip
        # After the styles of the pieces, which have the background of the list.
        return Strip(Segment.apply_style(strip, post_style=self._cursor_style), width)

    def _thumb_covers(self, y: int) -> bool:
        height, lines = self.size.height, self.count * self._lines
        if lines <= height:
            return False
        length = max(1, height * height // lines)
        start = (height - length) * self.scroll_offset.y // max(1, lines - height)
        return start <= y < start + length

    def _resolve_styles(self) -> None:
        base = self.rich_style
        self._styles = [
            self.get_component_rich_style(f"row--{kind.name.lower()}") if kind else base
            for kind in CellKind
        ]
        cursor = self.get_component_rich_style("row--cursor")
        self._cursor_style = Style(bgcolor=cursor.bgcolor)
