"""The commands of the prompt workshop."""

from __future__ import annotations

from typing import Final

from tui.commands.command import Command, Section

WORKSHOP: Final = Section(
    "workshop",
    "Prompt workshop",
    (
        Command(
            "workshop.try",
            "ctrl+r",
            "try",
            "Try the rubric",
            "try the rubric on audited pairs; tells the cost first",
            "try",
            1,
        ),
        Command(
            "workshop.save", "ctrl+s", "save", "Save", "save the rubric under a name", "save", 2
        ),
        Command("workshop.open", "ctrl+o", "open", "Open", "open a saved version", "open", 3),
        Command(
            "workshop.leave",
            "escape",
            "leave",
            "Back",
            "stop a running trial; else home",
            "back",
            4,
        ),
    ),
)
