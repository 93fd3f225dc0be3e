"""What a command prints: one JSON document, or lines for a person."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from core.text import displayable, displayable_line

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Mapping


def answer(
    arguments: argparse.Namespace, document: Mapping[str, object], lines: Iterable[str]
) -> None:
    """Print the document when ``--json`` was given, else the lines.

    Whatever the lines hold of untrusted text is made safe for the terminal here.
    """
    if arguments.json:
        whole = json.dumps(document, ensure_ascii=False, allow_nan=False)
        # Half of a surrogate pair, as in a path that is not UTF-8, is escaped as JSON does it.
        print(whole.encode("utf-8", "backslashreplace").decode())
        return
    for line in lines:
        print(displayable(line))


def table(rows: Iterable[tuple[str, object]]) -> list[str]:
    """Return the rows as lines with the first column padded."""
    shown = [(name, displayable_line(str(value))) for name, value in rows]
    width = max((len(name) for name, _ in shown), default=0)
    return [f"{name:<{width}}  {value}" for name, value in shown]


def percent(part: int, whole: int) -> str:
    """Return a share for a person: ``-`` when there is nothing to share."""
    return f"{100 * part / whole:.0f}% ({part:,} of {whole:,})" if whole else "-"
