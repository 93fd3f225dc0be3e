"""How far the work is, for whoever reads ``--json``: a line for each hundredth of it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tui.cli.progress_line import progress_line

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from core.records import Progress


@contextmanager
def shown_progress(
    arguments: argparse.Namespace, event: str
) -> Iterator[Callable[[Progress], None]]:
    """Give a function that shows how far the work is: events with ``--json``, else a bar.

    Args:
        arguments: of the command.
        event: the name of the events.
    """
    if arguments.json:
        yield progress_teller(event)
        return
    with progress_line() as show:
        yield show


def progress_teller(event: str) -> Callable[[Progress], None]:
    """Return what prints an event when the work is a hundredth further, or is another.

    Of work whose size is not known yet it prints every step.
    """
    last: tuple[str, int | None, int] | None = None

    def tell(progress: Progress) -> None:
        nonlocal last
        done, total = progress.done, progress.total
        now = (progress.note, total, 100 * done // total if total else done)
        if now == last:
            return
        last = now
        document = {"event": event, "doing": progress.note, "done": done, "total": total}
        print(json.dumps(document, ensure_ascii=False, allow_nan=False), flush=True)

    return tell
