"""What all screens have in common: a top line, a body, a line of keys, and the workspace.

A text in front of a screen: the guidelines, all about a pair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.containers import VerticalScroll
from textual.screen import ModalScreen, Screen

from tui.commands import EVERYWHERE, HELP, Section, bindings_of, footer_groups
from tui.widgets.bars import KeyBar
from tui.widgets.lists import SplitLine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.app import ComposeResult
    from textual.widget import Widget

    from tui.app import RejudgeApp
    from tui.screens.train.runs import RunsSeen


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


class WorkspaceScreen(Screen[None]):
    """A screen on the workspace. Subclasses set ``SECTION`` and give the body.

    ``TYPING``: letters go into a text, so that the line of keys names none.
    """

    SECTION: ClassVar[Section]
    TYPING: ClassVar[bool] = False

    @property
    def desk(self) -> RejudgeApp:
        """The app, with its workspace and store."""
        return cast("RejudgeApp", self.app)

    def body(self) -> Iterable[Widget]:
        """Return the widgets between the top line and the keys."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        yield SplitLine(id="top")
        yield from self.body()
        commands = (*self.SECTION.commands, *EVERYWHERE.commands)
        groups = footer_groups(commands)
        yield KeyBar(groups, self.desk.key_table, id="keys", typing=self.TYPING)

    def on_mount(self) -> None:
        """Show what can be shown before the store is open."""
        self.desk.entered.append(self)
        self.begin()
        if self.desk.store is not None or self.desk.store_error is not None:
            self.store_opened()

    def runs_seen(self, before: RunsSeen | None) -> None:
        """Show what a look at the runs saw; ``before`` is what the look before it saw."""

    def begin(self) -> None:
        """Fill the widgets for the first paint; no store is needed."""

    def leaving(self) -> None:
        """Give up what is held in the store; called before it is closed for good."""

    def grades_renewed(self) -> None:
        """Follow a calibration that has ended."""

    def store_opened(self) -> None:
        """Read what the screen shows; called once the store is open, failed, or is not there."""
