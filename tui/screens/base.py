"""What all screens share: a top line, a body, a line of keys, and the app's context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen, Screen

from tui.commands import HELP, Section, bindings_of, everywhere, footer_groups
from tui.widgets.bars import KeyBar
from tui.widgets.text import SplitLine

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from textual.app import ComposeResult
    from textual.widget import Widget

    from tui.context import Context
    from tui.run_monitor import RunsSeen
    from tui.words import Part


class ShowScreen(Message):
    """Asks the app to show a screen; ``request`` goes to its ``requested``."""

    def __init__(self, name: str, request: object = None) -> None:
        super().__init__()
        self.name = name
        self.request = request


class OpenWorkspace(Message):
    """Asks the app to try again to open the workspace."""


@dataclass(frozen=True, slots=True)
class AuditPairs:
    """Request to the audit screen: these pairs before all others."""

    ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class CompareEvals:
    """Request to the misses screen: the misses of an evaluation beside those of another."""

    after: UUID
    before: UUID


class WorkspaceScreen(Screen[None]):
    """A screen on the workspace. Subclasses set ``SECTION`` and give the body.

    ``TYPING``: letters go into a text, so the line of keys names none.
    """

    SECTION: ClassVar[Section]
    TYPING: ClassVar[bool] = False

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self.message = Content()

    def body(self) -> Iterable[Widget]:
        """Return the widgets between the top line and the keys."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        yield SplitLine(id="top")
        yield from self.body()
        groups = footer_groups((*self.SECTION.commands, *everywhere().commands))
        yield KeyBar(groups, self.context.key_table, id="keys", typing=self.TYPING)

    def on_mount(self) -> None:
        """Show what can be shown before the store is open."""
        self.begin()
        if self.context.store is not None or self.context.store_error is not None:
            self.store_opened()

    def begin(self) -> None:
        """Fill the widgets for the first paint, without the store."""

    def store_opened(self) -> None:
        """Read what the screen shows; called once the store is open, failed, or does not exist."""

    def requested(self, request: object) -> None:
        """Follow the request with which another screen opened this one."""

    def runs_seen(self, before: RunsSeen | None) -> None:
        """Show the runs as ``context.runs.last`` has them; ``before`` is the previous state."""

    def grades_renewed(self) -> None:
        """Follow a calibration that has ended."""

    def leaving(self) -> None:
        """Release what is held in the store; called before it is closed."""

    def key_of(self, identifier: str) -> str:
        """Return the first key of a command, as text."""
        return self.context.key_table.shown_of(identifier)

    def say(self, *parts: Part) -> None:
        """Show what the last key did."""
        self.message = Content.assemble(*parts)
        self.show_status()

    def show_status(self) -> None:
        """Show the message, and whatever is under way."""


class OverlayScreen(ModalScreen[None]):
    """Shows a widget over a screen, scrollable, until it is closed."""

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
