"""The five grades in a row: which is yours, which is the judge's, and each a thing to click.

The line of keys at the bottom: one widget, each key a thing to click.

The query and the place of the code, in a fixed number of rows.

A line to type in, put in the place of the status line for as long as it is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.strip import Strip
from textual.style import Style
from textual.visual import Visual
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from tui.words import DIM, GRADE_NUMBERS, grade_style, grade_word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual.app import ComposeResult

    from tui.commands import Command
    from tui.keys import KeyTable

    Part = tuple[str, str | Style] | Content


class KeyBar(Widget, can_focus=False):
    """Shows the keys that matter most on a screen.

    With ``typing``, on a screen whose letters go into a text, only those that are no letters.
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
        """Return the keys, with less air where the line is short."""
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


class Prompt(Vertical):
    """A named line to type in. Enter gives it, escape leaves it."""

    DEFAULT_CSS = """
    Prompt {
        height: auto;
        padding: 0 1;
        background: $boost;
        & Horizontal { height: 1; }
        & Label { text-style: bold; color: $text-accent; }
        & #hint { height: auto; max-height: 3; color: $foreground 60%; }
        & #hint.-error { color: $text-error; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    class Given(Message):
        """The person pressed enter."""

        def __init__(self, prompt: Prompt, text: str) -> None:
            super().__init__()
            self.prompt = prompt
            self.text = text

    class Left(Message):
        """The person pressed escape."""

    def __init__(self, name: str, text: str, hint: str) -> None:
        super().__init__(name=name)
        self._text = text
        self._hint = hint

    def compose(self) -> ComposeResult:
        """Lay out name, line and hint."""
        with Horizontal():
            yield Label(f"{self.name} ", markup=False)
            yield Input(self._text, compact=True, select_on_focus=False)
        yield Static(Content(self._hint), id="hint")

    def refuse(self, reason: str) -> None:
        """Say in place of the hint why the line cannot be used."""
        hint = self.query_one("#hint", Static)
        hint.add_class("-error")
        hint.update(Content(reason))

    def on_mount(self) -> None:
        """Take the keys."""
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Hand the line over."""
        event.stop()
        self.post_message(self.Given(self, event.value))

    def action_leave(self) -> None:
        """Give up."""
        self.post_message(self.Left())


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
