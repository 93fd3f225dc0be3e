"""A field for a rubric: plain text without highlighting, and nothing that a terminal acts on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import TextArea

from core.display import displayable

if TYPE_CHECKING:
    from textual.events import Paste


class RubricArea(TextArea):
    """A text area whose pasted text is made safe to show before it is taken."""

    def show(self, text: str) -> None:
        """Swap in another text, undo history and all."""
        self.load_text(displayable(text))

    def on_paste(self, event: Paste) -> None:
        """Take pasted text with its control characters made visible."""
        event.prevent_default()
        event.stop()
        self.replace(displayable(event.text), *self.selection, maintain_selection_offset=False)
