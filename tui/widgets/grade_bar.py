"""The five grades in a row: which is yours, which is the judge's, and each a thing to click."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.strip import Strip
from textual.style import Style
from textual.visual import Visual
from textual.widget import Widget

from tui.words import DIM, GRADE_NUMBERS, grade_style, grade_word

if TYPE_CHECKING:
    from collections.abc import Mapping


class GradeBar(Widget, can_focus=False):
    """Shows the scale; the judge's score and the person's grade are marked with words."""

    def __init__(self, keys: Mapping[int, str], *, id: str) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id)
        self.auto_links = False
        self._keys = keys
        self._score: int | None = None
        self._grade: int | None = None
        self._painted: dict[tuple[int | None, int | None, int], Strip] = {}

    def show(self, score: int | None, grade: int | None) -> None:
        """Mark the judge's score and the person's grade, each from 1 to 5, None for neither."""
        self._score = score
        self._grade = grade
        self.refresh()

    def notify_style_update(self) -> None:
        """Forget the painted rows when the theme changes."""
        super().notify_style_update()
        self._painted.clear()

    def render_line(self, y: int) -> Strip:
        """Return the row; each state of it is made once for a width."""
        width = self.content_size.width
        if y or not width:
            return Strip.blank(width, self.rich_style)
        state = (self._score, self._grade, width)
        if state not in self._painted:
            style = self.visual_style
            (strip, *_) = Visual.to_strips(self, self.row(width), width, 1, style, pad=True)
            self._painted[state] = strip
        return self._painted[state]

    def row(self, width: int) -> Content:
        """Return the row, with words where there is room for them."""
        for gap, words in ((3, True), (1, True), (1, False)):
            content = self._assembled(gap, words=words)
            if content.cell_length <= width:
                return content
        return content.truncate(max(1, width))

    def _assembled(self, gap: int, *, words: bool) -> Content:
        return Content(" " * gap).join(self._entry(grade, words=words) for grade in GRADE_NUMBERS)

    def _entry(self, grade: int, *, words: bool) -> Content:
        mine, judged = grade == self._grade, grade == self._score
        style = grade_style(grade)
        mark = "✓" if mine else "•" if judged else " "
        text = f"{mark}{self._keys[grade]}" + (f" {grade_word(grade)} " if words else " ")
        if mine:
            entry = Content.styled(text, f"bold reverse {style}")
        elif judged:
            entry = Content.styled(text, f"bold {style} on $surface-lighten-2")
        else:
            entry = Content.assemble((text[:2], f"bold {style}"), (text[2:], DIM))
        return entry.stylize(Style.from_meta({"@click": f"screen.grade({grade})"}))
