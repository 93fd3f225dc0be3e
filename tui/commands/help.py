"""The commands of help and of what lies over a screen."""

from __future__ import annotations

from typing import Final

from tui.commands.command import Command, Section

HELP: Final = Section(
    "help",
    "Help and overlays",
    (
        Command(
            "help.close", "escape,enter,space", "close", "Back", "back to where you were", "back", 1
        ),
        Command("help.down", "down,j", "scroll_page(1)", "Scroll down", "scroll down"),
        Command("help.up", "up,k", "scroll_page(-1)", "Scroll up", "scroll up"),
    ),
)
