"""``rejudge doctor``: what this machine has and lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.doctor import Check, examine
from tui.cli.answers import answer
from tui.cli.arguments import add_json_argument, workspace_of

if TYPE_CHECKING:
    import argparse

    from core.store.recovery import Restoration


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument(
        "--restore",
        action="store_true",
        help="bring a damaged workspace back from its backups and its label journal",
    )
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Look at the machine and the workspace; exit status 1 when something needed is missing."""
    if arguments.restore:
        return _restore(arguments)
    checks = examine(workspace_of(arguments))
    document = {
        check.name: {"good": check.good, "found": check.found, "todo": check.todo}
        for check in checks
    }
    answer(arguments, document, [line for check in checks for line in _lines(check)])
    return int(any(check.needed and not check.good for check in checks))


def _restore(arguments: argparse.Namespace) -> int:
    from core.store.recovery import restore

    workspace = workspace_of(arguments)
    workspace.require()
    done = restore(workspace.folder)
    backup = done.backup
    document = {
        "backup": str(backup.path) if backup else None,
        "backup_made": f"{backup.made.isoformat()}Z" if backup else None,
        "damaged_file": str(done.kept) if done.kept else None,
        "label_events": done.events,
        "label_events_from_journal": done.from_journal,
        "salvaged": done.salvaged,
    }
    answer(arguments, document, _restored_lines(done))
    return 0


def _restored_lines(done: Restoration) -> list[str]:
    if done.backup:
        source = f"the backup of {done.backup.made:%Y-%m-%d %H:%M} UTC, {done.backup.path}"
    elif done.kept:
        source = "nothing: there was no backup that could be read"
    else:
        source = "the database itself, which is whole"
    lines = [
        f"restored from {source}",
        f"label events {done.events:,}, {done.from_journal:,} of them from labels.jsonl",
        f"rows         {done.salvaged:,} more from the damaged file",
    ]
    if done.kept:
        lines.append(f"the damaged file is kept as {done.kept}")
    return lines


def _lines(check: Check) -> list[str]:
    mark = "ok  " if check.good else "bad " if check.needed else "none"
    lines = [f"{mark} {check.name:<10} {check.found}"]
    if check.todo:
        lines.append(f"     {'':<10} {check.todo}")
    return lines
