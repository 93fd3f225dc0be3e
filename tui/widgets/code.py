"""Code with line numbers, painted line by line, and a cache of documents made ready ahead."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, ClassVar, Final

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from tui.widgets.code_text import CodeText, WordKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from uuid import UUID

    from textual.selection import Selection

    from core.records import Document
    from tui.widgets.code_text import Run


#: Lines that a tall terminal shows.
SCREENFUL: Final = 80
_KEPT: Final = 32


class CodeCache:
    """Keeps the code of the last and the next few documents. Safe for several threads."""

    def __init__(self, submit: Callable[[Callable[[], object]], None]) -> None:
        self._submit = submit
        self._changing = threading.Lock()
        self._kept: OrderedDict[UUID, CodeText] = OrderedDict()

    def take(self, document: Document) -> CodeText:
        """Return the code of a document; made now if it was not made ahead."""
        code = self._kept.get(document.id)
        if code is None:
            fresh = CodeText(document.text, document.language)
            with self._changing:
                code = self._kept.setdefault(document.id, fresh)
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
        return code

    def ready(self, document: Document, lines: int = SCREENFUL) -> None:
        """Make a document ready and highlight its first ``lines``; for use in a thread."""
        self.take(document).lex(lines)

    def prepare(self, documents: Iterable[Document], lines: int = SCREENFUL) -> None:
        """Make these documents ready in the background."""
        wanted = [document for document in documents if document.id not in self._kept]
        if wanted:
            self._submit(lambda: self._ready_all(wanted, lines))

    def _ready_all(self, documents: Iterable[Document], lines: int) -> None:
        for document in documents:
            self.ready(document, lines)


#: Lines lexed at most while painting; a longer way down is left to a worker.
_LEXED_ON_PAINT: Final = 300
#: Columns that one key scrolls.
_COLUMNS: Final = 16


class CodeView(ScrollView, can_focus=False):
    """Shows a ``CodeText``; showing another mounts nothing."""

    DEFAULT_CSS = """
    CodeView {
        scrollbar-size: 0 0;
        overflow: scroll scroll;
        & > .code--thumb { color: $foreground 35%; }
        & > .code--gutter { color: $foreground 40%; }
        & > .code--keyword { color: $text-primary; text-style: bold; }
        & > .code--string { color: $text-success; }
        & > .code--number { color: $text-warning; }
        & > .code--comment { color: $foreground 60%; text-style: italic; }
        & > .code--function { color: $text-accent; text-style: bold; }
        & > .code--type { color: $text-accent; }
        & > .code--builtin { color: $text-secondary; }
        & > .code--mark { color: $text-warning; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "code--gutter",
        "code--thumb",
        *(f"code--{kind.name.lower()}" for kind in WordKind if kind is not WordKind.PLAIN),
    }

    def __init__(
        self,
        lex_far: Callable[[CodeText, int], None],
        *,
        id: str,  # noqa: A002 - Textual's own word
    ) -> None:
        super().__init__(id=id)
        self._lex_far = lex_far
        self._asked_for = -1
        self._warm = False
        self._plain = True
        self._code: CodeText | None = None
        self._first_line = 1
        self._gutter = 0
        self._styles_by_kind: list[Style] = []
        self._gutter_style = Style.null()
        self._thumb = Segment("▐")

    def show(self, code: CodeText | None, first_line: int | None = None) -> None:
        """Show another document from its top.

        Args:
            code: what to show; None empties the view.
            first_line: the number of its first line in its file, None when that is unknown.
        """
        lines_before = self.virtual_size.height
        self._code = code
        self._asked_for = -1
        self._first_line = first_line or 1
        lines = len(code.lines) if code else 0
        self._gutter = len(str(self._first_line + lines - 1)) + 3 if code else 0
        size = Size(self._gutter + code.width + 1, lines) if code else Size(0, 0)
        # Set without its watcher: the screen need not be laid out for another document.
        self.set_reactive(Widget.virtual_size, size)
        if self.scroll_offset != (0, 0):
            self.scroll_to(0, 0, animate=False, immediate=True)
            self.refresh()
        elif not self.is_attached:
            self.refresh()
        else:
            width, height = self.size
            self.refresh(Region(0, 0, width, min(height, max(lines_before, lines))))

    @property
    def code(self) -> CodeText | None:
        """The code that is shown."""
        return self._code

    def lexed(self) -> None:
        """Paint again: the background has done what it was asked for."""
        self._warm = True
        self.refresh()

    def move(self, move: str) -> None:
        """Scroll: ``down``, ``up``, ``page_down``, ``page_up``, ``top``, ``bottom``, ``left``...

        A line, a page, to an end, or, in long lines, some columns to ``left`` or ``right``.
        """
        x, y = self.scroll_offset
        page = max(1, self.size.height - 1)
        targets = {
            "down": (x, y + 1),
            "up": (x, y - 1),
            "page_down": (x, y + page),
            "page_up": (x, y - page),
            "top": (0, 0),
            "bottom": (x, self.max_scroll_y),
            "right": (x + _COLUMNS, y),
            "left": (x - _COLUMNS, y),
        }
        to_x, to_y = targets[move]
        self.scroll_to(max(0, to_x), max(0, to_y), animate=False, immediate=True)

    def notify_style_update(self) -> None:
        """Forget the colours when the theme changes."""
        super().notify_style_update()
        self._styles_by_kind = []

    def watch_mouse_hover(self) -> None:
        """Make the code selectable while the mouse is over it; it costs too much at all times."""
        self._plain = not (self.mouse_hover or self.text_selection)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return the line at ``y`` of the widget: its number, then the code in sight."""
        if not self._styles_by_kind:
            self._resolve_styles()
        code = self._code
        left, top = self.scroll_offset
        number = top + y
        width = self.size.width
        if code is None or number >= len(code.lines):
            return Strip.blank(width, self._styles_by_kind[WordKind.PLAIN])
        if not code.lexed(number + 1):
            self._lex(code, number)
        room = max(0, width - self._gutter - 1)
        label = f"{self._first_line + number:>{self._gutter - 2}}  "[:width]
        gutter = Segment(label, self._gutter_style)
        thumb = self._thumb if self._thumb_covers(y, top) else self._blank(1)
        if self._plain:
            segments, used = self._segments(code, number, left, room)
            whole = [gutter, *segments, self._blank(room - used), thumb]
            return Strip(whole, self._gutter + room + 1).crop(0, width)
        strip = self._selectable(code, number, left, room)
        return Strip.join([Strip([gutter]), strip, Strip([thumb], 1)]).crop(0, width)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return the selected code, for copying."""
        return (selection.extract("\n".join(self._code.lines)), "\n") if self._code else None

    def selection_updated(self, selection: Selection | None) -> None:
        """Paint again when the selection changes."""
        self._plain = not (self.mouse_hover or selection)
        self.refresh()

    def _lex(self, code: CodeText, number: int) -> None:
        """Lex on the spot what is near the lexed part; have the rest done in the background.

        The first time it is all left to the background, which loads the lexers meanwhile.
        """
        if self._warm and code.lexed(number - _LEXED_ON_PAINT):
            code.lex(number + self.size.height)
        elif self._asked_for < number:
            self._asked_for = number + self.size.height
            self._lex_far(code, self._asked_for)

    def _thumb_covers(self, y: int, top: int) -> bool:
        """Return whether the scroll mark is in row ``y``.

        It is painted with the code: a scrollbar of its own would cost as much as the code does.
        """
        height, lines = self.size.height, self.virtual_size.height
        if lines <= height:
            return False
        length = max(1, height * height // lines)
        start = (height - length) * top // max(1, lines - height)
        return start <= y < start + length

    def _segments(
        self, code: CodeText, number: int, left: int, room: int
    ) -> tuple[list[Segment], int]:
        """Return the part of a line from cell ``left`` on, and its cells, at most ``room``."""
        styles = self._styles_by_kind
        if code.lines[number].isascii():
            runs = _cut(code.runs(number), left, left + room)
            return [Segment(text, styles[kind]) for text, kind in runs], sum(
                len(text) for text, _ in runs
            )
        long = code.long_line(number)
        if long is not None:
            text, before = long.part(left, room)
            strip = Strip([Segment(text, styles[WordKind.PLAIN])]).crop(before, before + room)
        else:
            whole = Strip([Segment(text, styles[kind]) for text, kind in code.runs(number)])
            strip = whole.crop(left, left + room)
        return list(strip), strip.cell_length

    def _selectable(self, code: CodeText, number: int, left: int, room: int) -> Strip:
        """Return the part of a line in sight, each piece knowing its place in the code."""
        segments, used = self._segments(code, number, left, room)
        strip = Strip([*segments, self._blank(room - used)], room)
        span = self.text_selection.get_span(number) if self.text_selection else None
        if span is not None:
            start, end = span
            end = left + used if end == -1 else end
            strip = self._with_selection(strip, max(0, start - left), max(0, end - left))
        return strip.apply_offsets(left, number)

    def _blank(self, cells: int) -> Segment:
        return Segment(" " * cells, self._styles_by_kind[WordKind.PLAIN])

    def _with_selection(self, strip: Strip, start: int, end: int) -> Strip:
        style = self.screen.get_component_rich_style("screen--selection")
        before, inside, after = (
            strip.crop(0, start),
            strip.crop(start, end),
            strip.crop(end, strip.cell_length),
        )
        return Strip.join([before, inside.apply_style(style), after])

    def _resolve_styles(self) -> None:
        base = self.rich_style
        self._styles_by_kind = [
            self.get_component_rich_style(f"code--{kind.name.lower()}")
            if kind is not WordKind.PLAIN
            else base
            for kind in WordKind
        ]
        self._gutter_style = self.get_component_rich_style("code--gutter")
        self._thumb = Segment("▐", self.get_component_rich_style("code--thumb"))


def _cut(runs: Iterable[Run], start: int, end: int) -> list[Run]:
    """Return the runs between two columns of an ASCII line."""
    found = []
    column = 0
    for text, kind in runs:
        if column >= end:
            break
        if column + len(text) > start:
            found.append((text[max(0, start - column) : end - column], kind))
        column += len(text)
    return found
