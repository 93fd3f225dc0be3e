"""What all screens have in common: a top line, a body, a line of keys, and the workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.screen import Screen

from tui.commands import EVERYWHERE, Section, footer_groups
from tui.widgets.key_bar import KeyBar
from tui.widgets.split_line import SplitLine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.app import ComposeResult
    from textual.widget import Widget

    from tui.app import RejudgeApp
    from tui.runs_seen import RunsSeen


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
