"""What the boards of the screens have in common: a status line, a line to type in, an end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Container
from textual.widgets import Static

from tui.widgets.split_line import SplitLine

if TYPE_CHECKING:
    from textual.content import Content

    from tui.widgets.prompt import Prompt


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
