"""``rejudge doctor``: what this machine has and lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.machine import Check, examine
from tui.command_line.answers import answer
from tui.command_line.arguments import add_json_argument, workspace_of

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Look at the machine and the workspace; exit status 1 when something needed is missing."""
    checks = examine(workspace_of(arguments))
    document = {
        check.name: {"good": check.good, "found": check.found, "todo": check.todo}
        for check in checks
    }
    answer(arguments, document, [line for check in checks for line in _lines(check)])
    return int(any(check.needed and not check.good for check in checks))


def _lines(check: Check) -> list[str]:
    mark = "ok  " if check.good else "bad " if check.needed else "none"
    lines = [f"{mark} {check.name:<10} {check.found}"]
    if check.todo:
        lines.append(f"     {'':<10} {check.todo}")
    return lines
