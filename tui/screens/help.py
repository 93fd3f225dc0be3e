"""Help: every key of every screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui.commands import HELP, SCREENS, bindings_of, sections
from tui.keys import shown_key
from tui.screens.base import ShowScreen, WorkspaceScreen
from tui.widgets.text import SplitLine
from tui.words import BRAND, DIM, STRONG

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.widget import Widget

    from tui.keys import KeyTable
    from tui.words import Part


_KEY_WIDTH: Final = 16
_LEAST_WIDTH: Final = 40


class HelpScreen(WorkspaceScreen):
    """Shows all keys, with the changes of the settings."""

    SECTION = HELP
    BINDINGS = bindings_of(HELP)

    def body(self) -> Iterable[Widget]:
        """Return the table of keys."""
        yield VerticalScroll(Static(id="help"), id="help-scroll", classes="page", can_focus=False)

    def begin(self) -> None:
        """Name the screen."""
        self.query_one("#top", SplitLine).show(Content.assemble(BRAND, "  help"))

    def on_screen_resume(self) -> None:
        """Begin with the keys of the screen from which help was opened."""
        self._show()
        self.query_one("#help-scroll", VerticalScroll).scroll_home(animate=False)

    def on_resize(self) -> None:
        """Wrap the lines again."""
        self._show()

    def _show(self) -> None:
        width = self.query_one("#help-scroll", VerticalScroll).scrollable_content_region.width
        text = help_text(self.context.key_table, self.context.came_from, max(width, _LEAST_WIDTH))
        self.query_one("#help", Static).update(text)

    def action_close(self) -> None:
        """Go back to the screen from which help was opened."""
        self.post_message(ShowScreen(self.context.came_from))

    def action_scroll_page(self, direction: int) -> None:
        """Scroll by a few lines."""
        scroll = self.query_one("#help-scroll", VerticalScroll)
        scroll.scroll_relative(y=3 * direction, animate=False)


def help_text(keys: KeyTable, first: str, width: int) -> Content:
    """Return the keys of each section, a command's lines under each other.

    Args:
        keys: the keys as they are.
        first: the screen whose section comes first.
        width: cells in a line.
    """
    from textwrap import wrap

    indent = "\n" + " " * (_KEY_WIDTH + 2)
    parts: list[Part] = []
    for section in sorted(sections(), key=lambda section: section is not SCREENS[first]):
        parts.append((f"{section.title}\n", STRONG))
        for command in section.commands:
            shown = " ".join(shown_key(key) for key in keys.keys[command.id])
            lines = wrap(command.help, width - _KEY_WIDTH - 2)
            parts += [(f"  {shown:<{_KEY_WIDTH}}", "bold $text-accent"), indent.join(lines), "\n"]
        parts.append("\n")
    parts += [
        ("To change a key, name its command in .rejudge/settings.toml; ", DIM),
        ("rejudge keys", STRONG),
        (" lists the names.", DIM),
    ]
    return Content.assemble(*parts)
