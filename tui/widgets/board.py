"""The part of a screen between its top line and its keys, with a line to type in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, Label, Static

from core.errors import RejudgeError
from core.text import displayable_line
from tui.widgets.text import SplitLine

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.widget import Widget


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for, and what takes the answer.

    Args:
        name: stands before the line.
        answered: takes the line on enter; a RejudgeError refuses it, and the person may mend it.
        left: called on escape.
    """

    name: str
    answered: Callable[[str], None]
    left: Callable[[], None]


class PromptLine(Input):
    """The line itself."""

    async def action_submit(self) -> None:
        """Hand the line over at once: the next key is meant for what comes after it."""
        self.query_ancestor(Prompt).submit(self.value)


class Prompt(Vertical):
    """A named line to type in, hidden until it is needed.

    It opens and closes within the key that asked for it, so that what is typed right after goes
    to the right place.
    """

    DEFAULT_CSS = """
    Prompt {
        display: none;
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

    def __init__(self) -> None:
        super().__init__(id="prompt")
        self.question: Question | None = None
        self._label = Label(markup=False)
        self._line = PromptLine(compact=True, select_on_focus=False)
        self._line.can_focus = False
        self._hint = Static(id="hint")
        self._focus_after: Widget | None = None

    def compose(self) -> ComposeResult:
        """Lay out name, line and hint."""
        yield Horizontal(self._label, self._line)
        yield self._hint

    def ask(self, question: Question, text: str, hint: str) -> None:
        """Open the line with a text in it."""
        if self.question is None:
            self._focus_after = self.screen.focused
        self.question = question
        self._label.update(f"{question.name} ")
        self._line.value = text
        self._line.cursor_position = len(text)
        self.show_hint(hint)
        self.display = True
        self._line.can_focus = True
        self.screen.set_focus(self._line)

    def show_hint(self, hint: str) -> None:
        """Show another hint under the line."""
        self._hint.remove_class("-error")
        self._hint.update(Content(hint))

    def put(self, text: str) -> None:
        """Put a text into the line, unless the person has typed."""
        if not self._line.value:
            self._line.value = text
            self._line.cursor_position = len(text)

    def refuse(self, reason: str) -> None:
        """Show why the line cannot be used, in place of the hint."""
        self._hint.add_class("-error")
        self._hint.update(Content(reason))

    def close(self) -> None:
        """Take the line away."""
        if self.question is not None:
            self.question = None
            self._line.can_focus = False
            self.display = False
            self.screen.set_focus(self._focus_after)

    def submit(self, text: str) -> None:
        """Hand the line over; keep it open where it is refused or another question follows."""
        question = self.question
        if question is None:
            return
        try:
            question.answered(text)
        except RejudgeError as error:
            self.refuse(displayable_line(f"{error.headline}. {error.todo}"))
        else:
            if self.question is question:
                self.close()

    def action_leave(self) -> None:
        """Close the line without an answer."""
        if self.question is not None:
            left = self.question.left
            self.close()
            left()


class Board(Container):
    """The body of a screen. Subclasses lay it out.

    They yield ``end`` and ``status`` where they belong; the class ``-ended`` shows the text of
    ``end`` in place of everything else.
    """

    def __init__(self, *, classes: str = "") -> None:
        super().__init__(id="board", classes=classes)
        self.status = SplitLine(id="status")
        self.end = Static(id="end")
        self.prompt = Prompt()

    def on_mount(self) -> None:
        """Add the line to type in, after the first paint."""
        self.call_after_refresh(self._add_prompt)

    async def _add_prompt(self) -> None:
        if self.is_attached and not self.prompt.is_attached:
            await self.mount(self.prompt, before=self.status)

    def show_end(self, content: Content) -> None:
        """Show a text in place of everything."""
        self.add_class("-ended")
        self.end.update(content)

    @property
    def asking(self) -> bool:
        """Whether the person is asked for a line."""
        return self.prompt.question is not None

    def ask(
        self,
        name: str,
        text: str,
        hint: str,
        answered: Callable[[str], None],
        left: Callable[[], None] = lambda: None,
    ) -> None:
        """Ask for a line, above the status line; another question is dropped."""
        if self.prompt.is_mounted:
            self.prompt.ask(Question(name, answered, left), text, hint)

    def stop_asking(self) -> None:
        """Take the line away."""
        self.prompt.close()

    def say(self, message: Content, beside: Content) -> None:
        """Show a message and, where there is room, another beside it."""
        self.status.show(message, beside)
