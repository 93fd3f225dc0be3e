"""The keys of the commands with the changes of the settings file, and docs/keys.md."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from tui.commands import SCREENS, Command, Section, everywhere, sections

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_SHOWN: Final = {"enter": "enter", "pageup": "pgup", "pagedown": "pgdn"}
_MODIFIERS: Final = {"ctrl", "shift", "alt", "super", "meta", "hyper"}


@dataclass(frozen=True, slots=True)
class KeyTable:
    """The keys of every command.

    ``keys`` maps the id of a command to its keys; ``changed`` holds those that the settings
    changed, as Textual's keymap; ``problems`` says which settings were ignored, and why.
    """

    keys: Mapping[str, tuple[str, ...]]
    changed: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def shown(self, commands: Sequence[Command], most: int = 1, *, typing: bool = False) -> str:
        """Return the keys of one command, or of several that share a place, as text.

        Args:
            commands: the command, or those that share the place.
            most: how many keys of one command at most.
            typing: leave out keys that write a character; empty when there are no others.
        """
        if len(commands) > 1:
            firsts = [self.keys[command.id][0] for command in commands]
            if "".join(firsts) in "123456789":
                return f"{firsts[0]}-{firsts[-1]}"
            return " ".join(shown_key(key) for key in firsts)
        keys = self.keys[commands[0].id]
        if typing:
            keys = tuple(key for key in keys if not _writes(key))
        return " ".join(shown_key(key) for key in keys[:most])

    def shown_of(self, identifier: str) -> str:
        """Return the first key of a command as text."""
        return shown_key(self.keys[identifier][0])


def key_table(overrides: Mapping[str, str]) -> KeyTable:
    """Return the keys with ``overrides`` (command id to comma separated keys) applied.

    An override is ignored, and reported as a problem, when it names no command or no key, or a key
    that another command of the same screen has.
    """
    defaults = {
        command.id: split_keys(command.keys)
        for section in sections()
        for command in section.commands
    }
    keys = dict(defaults)
    problems = []
    for identifier, wanted in overrides.items():
        if identifier not in defaults:
            problems.append(f"there is no command {identifier}; rejudge keys lists the commands")
            continue
        chosen = split_keys(wanted)
        unknown = [key for key in chosen if not _is_key(key)]
        if unknown or not chosen:
            problems.append(f"{identifier}: {', '.join(unknown) or 'nothing'} is not a key")
            continue
        keys[identifier] = chosen
    if keys != defaults:
        problems += _settle_clashes(keys, defaults)
    changed = {
        identifier: ",".join(chosen)
        for identifier, chosen in keys.items()
        if chosen != defaults[identifier]
    }
    return KeyTable(keys, changed, tuple(problems))


def split_keys(keys: str) -> tuple[str, ...]:
    """Split comma separated keys, in Textual's long spelling; a lone comma is a key."""
    from textual.binding import Binding

    parts = [part.strip() for part in keys.split(",")] if keys.strip() != "," else ["comma"]
    return tuple(
        binding.key
        for part in parts
        if part
        for binding in Binding.make_bindings([Binding(part, "none")])
    )


@lru_cache(256)
def shown_key(key: str) -> str:
    """Return a key as people write it: ``?``, ``enter``, ``ctrl+p``."""
    from textual.keys import format_key

    *modifiers, name = key.split("+")
    return "+".join([*modifiers, _SHOWN.get(name) or format_key(name)])


def _writes(key: str) -> bool:
    """Return whether the key writes a character where text is typed."""
    from textual.keys import key_to_character

    return "+" not in key and (key_to_character(key) or "\0").isprintable()


def _is_key(key: str) -> bool:
    from textual.keys import Keys, key_to_character

    *modifiers, name = key.split("+")
    if not set(modifiers) <= _MODIFIERS:
        return False
    return len(name) == 1 or name in {known.value for known in Keys} or bool(key_to_character(name))


def _settle_clashes(
    keys: dict[str, tuple[str, ...]], defaults: Mapping[str, tuple[str, ...]]
) -> list[str]:
    """Reset changed commands that took another command's key; return what to report."""
    problems: list[str] = []
    while True:
        clash = _first_clash(keys, defaults)
        if clash is None:
            return problems
        taker, holder, key = clash
        keys[taker] = defaults[taker]
        problems.append(f"{taker}: {shown_key(key)} is already the key of {holder}")


def _first_clash(
    keys: Mapping[str, tuple[str, ...]], defaults: Mapping[str, tuple[str, ...]]
) -> tuple[str, str, str] | None:
    shared = everywhere().commands
    for here in ((), *(section.commands for section in SCREENS.values())):
        holders: dict[str, str] = {}
        for command in (*shared, *here):
            for key in keys[command.id]:
                holder = holders.setdefault(key, command.id)
                if holder == command.id:
                    continue
                if keys[command.id] != defaults[command.id]:
                    return command.id, holder, key
                if keys[holder] != defaults[holder]:
                    return holder, command.id, key
    return None


_HEAD = """# Keys

Made from the commands of the app with `rejudge keys --markdown`.

Each key can be changed in `.rejudge/settings.toml`, by the command's id:

```toml
[keys]
"audit.skip" = "x"
"code.down" = "j,ctrl+n"
```

The command palette (`ctrl+p`) lists every command by name.
"""


def keys_page() -> str:
    """Return the text of docs/keys.md."""
    return "\n".join([_HEAD, *(_section(section) for section in sections())])


def _section(section: Section) -> str:
    keys = key_table({}).keys
    rows = []
    for command in section.commands:
        shown = " ".join(f"`{shown_key(key)}`" for key in keys[command.id])
        rows.append(f"| {shown} | {command.help} | `{command.id}` |")
    return "\n".join(
        [f"## {section.title}", "", "| key | action | id |", "|---|---|---|", *rows, ""]
    )
