"""A text in front of a screen: the guidelines, all about a pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from tui.commands import HELP, bindings_of

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.widget import Widget


class OverlayScreen(ModalScreen[None]):
    """Shows one widget, scrollable, until it is closed."""

    DEFAULT_CSS = """
    OverlayScreen {
        align: center middle;
        & #overlay {
            width: 84;
            max-width: 96%;
            height: auto;
            max-height: 92%;
            padding: 1 2;
            border: round $accent;
            background: $surface;
            scrollbar-size: 0 1;
            scrollbar-background: $surface;
            scrollbar-color: $foreground 25%;
        }
        & #overlay > * { height: auto; }
    }
    """
    BINDINGS = bindings_of(HELP)

    def __init__(self, title: str, content: Widget) -> None:
        super().__init__()
        self._title = title
        self._content = content

    def compose(self) -> ComposeResult:
        """Lay out the overlay."""
        with VerticalScroll(id="overlay") as scroll:
            scroll.border_title = self._title
            scroll.border_subtitle = "esc back"
            yield self._content

    def action_close(self) -> None:
        """Go back."""
        _ = self.dismiss()

    def action_scroll_page(self, direction: int) -> None:
        """Scroll by a few lines."""
        self.query_one("#overlay", VerticalScroll).scroll_relative(y=3 * direction, animate=False)
