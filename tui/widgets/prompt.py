"""A line to type in, put in the place of the status line for as long as it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Label

if TYPE_CHECKING:
    from textual.app import ComposeResult


class Prompt(Horizontal):
    """A named line to type in. Enter gives it, escape leaves it."""

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
        """Lay out name and line."""
        yield Label(f"{self.name} ", markup=False)
        yield Input(self._text, placeholder=self._hint, compact=True, select_on_focus=False)

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
