"""Every action of the app, said once, a file for each screen.

Bindings, footer, help screen, command palette, docs/keys.md and ``rejudge keys`` are made from
these records. A screen that comes later adds its ``Section`` here.
"""

from __future__ import annotations

from typing import Final

from tui.commands.command import FOOTER_LIMIT, Command, Section, bindings_of, footer_groups
from tui.commands.sections import (
    AUDIT,
    EVERYWHERE,
    GRADE_COMMANDS,
    HELP,
    HOME,
    JUDGES,
    MISSES,
    TRAIN,
    WORKSHOP,
)

__all__ = [
    "AUDIT",
    "EVERYWHERE",
    "FOOTER_LIMIT",
    "GRADE_COMMANDS",
    "HELP",
    "HOME",
    "JUDGES",
    "MISSES",
    "SECTIONS",
    "TRAIN",
    "WORKSHOP",
    "Command",
    "Section",
    "all_commands",
    "bindings_of",
    "footer_groups",
]

#: The sections, in the order of help and documentation.
SECTIONS: Final = (HOME, AUDIT, JUDGES, TRAIN, MISSES, WORKSHOP, HELP, EVERYWHERE)


def all_commands() -> tuple[Command, ...]:
    """Return every command, in the order of the documentation."""
    return tuple(command for section in SECTIONS for command in section.commands)
