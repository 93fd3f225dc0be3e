"""A long list that paints only the rows in sight.

One line with a left part that gives way and a right part that stays.

What the boards of the screens have in common: a status line, a line to type in, an end.

Text in a fixed space: wrapped, and honest about what does not fit.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar, Final

from rich.segment import Segment
from rich.style import Style
from textual.containers import Container
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual
from textual.widget import Widget
from textual.widgets import Static

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual import events
    from textual.selection import Selection

    from tui.widgets.bars import Prompt


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


class Board(Container):
    """All between a screen's top line and its keys. Subclasses lay it out.

    They yield ``end`` and ``status`` where they belong; the class ``-ended`` says that the text of
    ``end`` is seen in place of the rest.
    """

    def __init__(self, *, classes: str = "") -> None:
        super().__init__(id="board", classes=classes)
        self.status = SplitLine(id="status")
        self.end = Static(id="end")
        self._prompt: Prompt | None = None

    def show_end(self, content: Content) -> None:
        """Show a text in place of everything."""
        self.add_class("-ended")
        self.end.update(content)

    def ask(self, prompt: Prompt) -> None:
        """Put a line to type in above the status line, in the place of any other."""
        self.stop_asking()
        self._prompt = prompt
        _ = self.mount(prompt, before=self.status)

    def refuse(self, reason: str) -> None:
        """Say beside the line why it cannot be used."""
        if self._prompt is not None:
            self._prompt.refuse(reason)

    def stop_asking(self) -> None:
        """Take the line away."""
        if self._prompt is not None:
            _ = self._prompt.remove()
            self._prompt = None

    def say(self, message: Content, beside: Content) -> None:
        """Show a message and, where there is room, another beside it."""
        self.status.show(message, beside)


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


class CellKind(IntEnum):
    """How a piece of a row looks; none is told by its colour alone."""

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
        """A person clicked a row; the cursor is on it."""

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
        """Swap in other rows with the cursor on one of them."""
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
        """Say whether the keys move this cursor."""
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
