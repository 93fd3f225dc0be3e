"""docs/keys.md, written from the commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.command_keys import key_table, shown_key
from tui.commands import SECTIONS

if TYPE_CHECKING:
    from tui.commands import Section

_HEAD = """# Keys

Made from the commands of the app with `rejudge keys --markdown`.

Each key can be changed in `.rejudge/settings.toml`, by the command's id:

```toml
[keys]
"audit.skip" = "x"
"code.down" = "j,ctrl+n"
```

The command palette (`ctrl+p`) has every command by name.
"""


def keys_page() -> str:
    """Return the text of docs/keys.md."""
    return "\n".join([_HEAD, *(_section(section) for section in SECTIONS)])


def _section(section: Section) -> str:
    keys = key_table({}).keys
    rows = []
    for command in section.commands:
        shown = " ".join(f"`{shown_key(key)}`" for key in keys[command.id])
        rows.append(f"| {shown} | {command.help} | `{command.id}` |")
    return "\n".join([f"## {section.title}", "", "| key | does | id |", "|---|---|---|", *rows, ""])
