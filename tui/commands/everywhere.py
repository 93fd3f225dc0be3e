"""The commands that hold on every screen."""

from __future__ import annotations

from typing import Final

from tui.commands.command import Command, Section

EVERYWHERE: Final = Section(
    "app",
    "Everywhere",
    (
        Command("app.help", "?,f1", "app.show_help", "Keys", "all keys", "keys", 80),
        Command(
            "app.palette", "ctrl+p", "app.command_palette", "Commands", "every command by name"
        ),
        Command(
            "app.workshop",
            "f4",
            "app.show_workshop",
            "Prompt workshop",
            "change a judge's rubric and try it on audited pairs",
        ),
        Command(
            "app.theme", "ctrl+t", "app.change_theme", "Theme", "choose light, dark or another"
        ),
        Command("app.quit", "q", "app.quit", "Quit", "leave; all that you did is kept", "quit", 90),
    ),
)
