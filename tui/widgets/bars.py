"""The line of keys, the five grades, and the query with the place of its code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.strip import Strip
from textual.style import Style
from textual.visual import Visual
from textual.widget import Widget

from tui.words import DIM, GRADE_NUMBERS, grade_style, grade_word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tui.commands import Command
    from tui.keys import KeyTable

    Part = tuple[str, str | Style] | Content


class KeyBar(Widget, can_focus=False):
    """Shows the most important keys of a screen; a click on one runs its command.

    With ``typing``, on a screen where letters go into a text, keys that write letters are left out.
    """

    def __init__(
        self,
        groups: Sequence[Sequence[Command]],
        key_table: KeyTable,
        *,
        id: str,  # noqa: A002 - Textual's own word
        typing: bool = False,
    ) -> None:
        super().__init__(id=id)
        self._typing = typing
        self.auto_links = False
        self._groups = groups
        self._key_table = key_table

    def render(self) -> Content:
        """Return the keys, closer together where the line is short."""
        for gap in (3, 2, 1):
            content = self._assembled(gap)
            if content.cell_length <= self.content_size.width:
                return content
        return content.truncate(max(1, self.content_size.width), ellipsis=True)

    def _assembled(self, gap: int) -> Content:
        parts: list[Content] = []
        for group in self._groups:
            shown = self._key_table.shown(group, typing=self._typing)
            if not shown:
                continue
            if parts:
                parts.append(Content(" " * gap))
            entry = Content.assemble(
                (shown, "bold $text-accent"),
                (f" {group[0].word}", "$foreground 80%"),
            )
            if len(group) == 1:
                entry = entry.stylize(Style.from_meta({"@click": _click(group[0].action)}))
            parts.append(entry)
        return Content("").join(parts)


def _click(action: str) -> str:
    return action if action.startswith("app.") else f"screen.{action}"


class PairHead(Widget, can_focus=False):
    """Shows the query on all rows but the last, and the place of the code on the last."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id)
        self._query = Content()
        self._place = Content()

    def show(self, query: Content, place: Content) -> None:
        """Show another pair."""
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


class GradeBar(Widget, can_focus=False):
    """Shows the five grades, the judge's and the person's marked; a click gives a grade."""

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
