"""``rejudge keys``: the keys of the screens, as they are now or as documentation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tui.cli.arguments import add_json_argument, workspace_of

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    add_json_argument(parser)
    parser.add_argument(
        "--markdown", action="store_true", help="print docs/keys.md, with the keys as they come"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the keys with the changes of this workspace's settings."""
    if arguments.markdown:
        from tui.keys import keys_page

        print(keys_page(), end="")
        return 0
    from tui.commands import sections
    from tui.keys import key_table, shown_key

    table = key_table(workspace_of(arguments).settings().keys)
    if arguments.json:
        answer = {
            "keys": [
                {"id": command.id, "keys": list(table.keys[command.id]), "does": command.help}
                for section in sections()
                for command in section.commands
            ],
            "problems": list(table.problems),
        }
        print(json.dumps(answer, ensure_ascii=False))
        return 0
    for section in sections():
        print(section.title)
        for command in section.commands:
            shown = " ".join(shown_key(key) for key in table.keys[command.id])
            print(f"  {shown:16} {command.help}  [{command.id}]")
        print()
    _say(table.problems)
    return 0


def _say(problems: tuple[str, ...]) -> None:
    import sys

    from core.text import displayable_line

    for problem in problems:
        print(f"settings.toml: {displayable_line(problem)}", file=sys.stderr)
