"""What a command is, and what is made of commands: bindings and the footer's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.binding import BindingType

FOOTER_LIMIT: Final = 8


@dataclass(frozen=True, slots=True)
class Command:
    """One thing that a person can do.

    Args:
        id: what the settings file calls it, ``section.name``.
        keys: its keys, comma separated, in Textual's spelling.
        action: the Textual action that it runs.
        title: its entry in the command palette.
        help: one line for the help screen and docs/keys.md.
        word: its word in the footer; empty: not there. Commands of one section with the same word
            share a place.
        order: its place in the footer, ascending.
    """

    id: str
    keys: str
    action: str
    title: str
    help: str
    word: str = ""
    order: int = 50


@dataclass(frozen=True, slots=True)
class Section:
    """The commands of one screen (``name`` is its mode), or those that hold everywhere."""

    name: str
    title: str
    commands: tuple[Command, ...]


def bindings_of(section: Section) -> list[BindingType]:
    """Return the bindings of a section, each with its command's id."""
    from textual.binding import Binding

    return [
        Binding(command.keys, command.action, command.title, show=False, id=command.id)
        for command in section.commands
    ]


def footer_groups(commands: Iterable[Command]) -> list[tuple[Command, ...]]:
    """Return the commands that the footer names, those with the same word together, in order."""
    groups: dict[str, list[Command]] = {}
    for command in sorted(commands, key=lambda command: command.order):
        if command.word:
            groups.setdefault(command.word, []).append(command)
    return [tuple(group) for group in groups.values()]
