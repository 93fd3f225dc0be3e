"""A line to type in, put in the place of the status line for as long as it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Label, Static

if TYPE_CHECKING:
    from textual.app import ComposeResult


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
